//! The table: one row a rule, the first that is about a failure counts. Special cases come before what they are exceptions of,
//! and what a status alone means comes last.

mod access;
mod edge;
mod model;
mod money;
mod plan;
mod request;
mod secret;
mod status;
mod throttle;
mod upstream;

use super::rule::Rule;

pub(super) use status::NOT_UNDERSTOOD;

/// The parts of the table, in the order in which they are asked. Each says why it comes before the next.
const PARTS: [&[Rule]; 10] = [
    // Who spoke was no provider.
    edge::RULES,
    // A refusal of what was asked may carry the code of a throttle or of an entitlement.
    request::RULES,
    // What befell a provider behind the provider is nobody's here, whatever it says.
    upstream::RULES,
    // The end of a plan's window may come with words of money: "purchase extra usage".
    plan::RULES,
    // Money is refused under any status.
    money::RULES,
    model::RULES,
    access::RULES,
    secret::RULES,
    throttle::RULES,
    status::RULES,
];

/// All rules, in the order in which they are asked.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    PARTS.iter().copied().flatten()
}
