//! The region that a workspace demands of requests.

use super::Examination;
use super::check::{Check, Checked};
use crate::login::Residency;

/// Hermes 0.19 has no word of that header, and a request without it may be refused with a 401 that no login mends.
pub(super) fn check(of: &Examination<'_>) -> Check {
    let Some(Residency { claim, value }) = &of.logins.residency else {
        return Check::ok(Checked::Residency, "no token demands a region");
    };
    let header = Residency::HEADER;
    let found = format!(
        "the claim `{claim}` demands `{value}`, which Hermes 0.19 does not send as `{header}: {value}`"
    );
    Check::note(Checked::Residency, found).next(format!(
        "if calls end with `Workspace is not authorized in this region`, logging in again does not help: run `hermes update` to a version \
         that sends `{header}`, or let tasks use the Codex CLI, which does"
    ))
}
