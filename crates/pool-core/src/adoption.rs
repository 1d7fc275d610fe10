//! When a login is taken over from another place that has it too.

use chrono::{DateTime, Utc};

use crate::credential::Credential;
use crate::pool::Pool;
use crate::secret::Secret;
use crate::standing::Standing;

/// How the login in another place is akin to ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kinship {
    /// It is the same login: programs that renew it there mean ours.
    SameLogin,
    /// It is another login to the same account.
    SameAccount,
}

impl Pool {
    /// Whether a credential is to get the tokens that another place has: where its own are dead or gone, or where the same login
    /// was renewed there. Tokens that were replaced here never come back, nor do those of another account.
    #[must_use]
    pub fn takes_over(
        &self,
        ours: &Credential,
        theirs: &Credential,
        kinship: Kinship,
        now: DateTime<Utc>,
    ) -> bool {
        let has = |secret: &Secret| ours.holds(secret.fingerprint());
        let is_new = !theirs.secrets().all(has);
        if !is_new || !ours.owns_its_secret() || theirs.contradicts_account_of(ours) {
            return false;
        }
        if self.replaced_any_of(ours, theirs) {
            return false;
        }
        let ends = ours.token_ends_at().zip(theirs.token_ends_at());
        let is_older = ends.is_some_and(|(ours, theirs)| theirs < ours);
        let is_newer = ends.is_some_and(|(ours, theirs)| theirs > ours);
        let is_same = kinship == Kinship::SameLogin;
        // A login of its own that works stays, although there is another one to the same account.
        match self.standing(ours, now) {
            // Another access token beside the same refresh token is as dead as ours.
            Standing::Dead { .. } => !is_older && theirs.refresh_token() != ours.refresh_token(),
            Standing::NoSecret { .. } => !is_older,
            // The quota of an account is the same with another token.
            Standing::Resting { error, .. } if error.kind.is_quota() => is_same && is_newer,
            Standing::Resting { .. } => is_same && !is_older,
            Standing::Removed => false,
            _ => is_same && is_newer,
        }
    }

    /// Whether the other place is behind, so that a refresh token in it is spent.
    fn replaced_any_of(&self, ours: &Credential, theirs: &Credential) -> bool {
        self.record(&ours.id).is_some_and(|record| record.replaced.held_by(theirs).is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use chrono::{TimeDelta, TimeZone};

    use super::*;
    use crate::credential::{CredentialId, Holding, Tokens};
    use crate::failure::Failure;
    use crate::provider::Provider;
    use crate::record::{Death, LastError, Record, State};
    use crate::renewal::Replaced;
    use crate::secret::Fingerprint;
    use crate::verdict::Kind;

    fn now() -> DateTime<Utc> {
        Utc.timestamp_opt(1_780_000_000, 0).unwrap()
    }

    fn login(refresh: &str, ends_in: Option<i64>) -> Credential {
        let secret = |text: String| Secret::new(text);
        let tokens =
            Tokens::access(secret(format!("at-{refresh}"))).with_refresh(Some(secret(refresh.into())));
        Credential {
            holding: Holding::Owned(tokens),
            expires_at: ends_in.map(|minutes| now() + TimeDelta::minutes(minutes)),
            ..Credential::manual(CredentialId::new("a").unwrap(), secret("-".into()))
        }
    }

    fn takes(record: Record, theirs: &Credential, kinship: Kinship) -> bool {
        let ours = login("old", Some(30));
        let records = HashMap::from([(ours.id.clone(), record)]);
        let pool = Pool::new(Provider::new("acme").unwrap(), vec![ours.clone()], records);
        pool.takes_over(&ours, theirs, kinship, now())
    }

    fn dead() -> Record {
        let error = LastError::of(&Failure::http(401), Kind::AuthPermanent, None);
        let death = Death { at: Some(now()), subject: Some(Fingerprint::of("old")), error };
        Record { state: State::Dead(death), ..Record::default() }
    }

    #[test]
    fn what_is_newer_or_takes_the_place_of_the_dead() {
        use Kinship::{SameAccount, SameLogin};

        let cases = [
            ("newer", login("new", Some(60)), SameLogin, true, true),
            ("newer, but another login", login("new", Some(60)), SameAccount, false, true),
            ("older", login("new", Some(10)), SameLogin, false, false),
            ("of an unknown end", login("new", None), SameLogin, false, true),
            ("the same", login("old", Some(60)), SameLogin, false, false),
        ];
        for (case, theirs, kinship, of_ready, of_dead) in cases {
            assert_eq!(takes(Record::default(), &theirs, kinship), of_ready, "{case}, ours is ready");
            assert_eq!(takes(dead(), &theirs, kinship), of_dead, "{case}, ours is dead");
        }
    }

    #[test]
    fn what_was_replaced_here_never_comes_back() {
        let replaced =
            |record| Record { replaced: Replaced::new(["last", "spent"].map(Fingerprint::of)), ..record };
        for record in [Record::default(), dead()] {
            assert!(!takes(replaced(record), &login("spent", Some(60)), Kinship::SameLogin));
        }
    }
}
