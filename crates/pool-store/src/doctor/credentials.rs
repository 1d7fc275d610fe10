//! What is wrong with the credentials of one provider.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use pool_core::{
    AuthType, Credential, CredentialId, Fingerprint, Holding, LastError, NoSecret, Pool, Secret, Source,
    Standing, Unresolved, time,
};

use crate::doctor::finding::{Finding, Problem, Remedy};
use crate::file::variables_folder;
use crate::location::Location;

/// What is wrong with them.
pub(super) fn findings(
    pool: &Pool,
    is_suppressed: impl Fn(&Source) -> bool,
    location: &Location,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let twins = Twins::of(pool);
    let mut findings = Vec::new();
    for (index, (credential, standing)) in pool.standings(now).enumerate() {
        let patient = Patient { pool, twins: &twins, index, credential, location, now };
        let found = [
            patient.by_standing(&standing),
            is_suppressed(&credential.source).then(|| patient.suppressed()),
            patient.duplicate_id(),
            patient.duplicate_secret(&standing),
        ];
        let found = found.into_iter().flatten();
        findings.extend(found.map(|finding| finding.of(pool.provider(), Some(&credential.id))));
    }
    findings
}

/// Who shares an id or a secret with whom, by their places in line.
struct Twins<'a> {
    of_id: HashMap<&'a CredentialId, Vec<usize>>,
    first_with: HashMap<Fingerprint, usize>,
}

impl<'a> Twins<'a> {
    fn of(pool: &'a Pool) -> Self {
        let mut twins = Self { of_id: HashMap::new(), first_with: HashMap::new() };
        for (index, credential) in pool.credentials().iter().enumerate() {
            twins.of_id.entry(&credential.id).or_default().push(index);
            if let Some(subject) = credential.subject() {
                twins.first_with.entry(subject).or_insert(index);
            }
        }
        twins
    }
}

/// One credential in line.
struct Patient<'a> {
    pool: &'a Pool,
    twins: &'a Twins<'a>,
    index: usize,
    credential: &'a Credential,
    location: &'a Location,
    now: DateTime<Utc>,
}

impl Patient<'_> {
    fn by_standing(&self, standing: &Standing) -> Option<Finding> {
        match standing {
            Standing::Dead { since, error } => Some(self.dead(*since, error)),
            Standing::Removed => Some(self.came_back()),
            Standing::NoSecret { why, .. } => Some(self.no_secret(*why)),
            Standing::Ready | Standing::Resting { .. } => {
                self.placeholder().or_else(|| self.login_lost()).or_else(|| self.expired())
            }
            // An unknown status is a matter of its record.
            _ => None,
        }
    }

    fn dead(&self, since: Option<DateTime<Utc>>, error: &LastError) -> Finding {
        let since = since.map(|since| format!(" since {}", time::format(since))).unwrap_or_default();
        let reason = self.credential.mask(error.reason.as_deref().unwrap_or(error.kind.as_str()));
        let code = error.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let finding = self.found(Problem::Dead, &format!("is dead{since}: {reason}{code}"));
        let revive = self.name().map(|name| Remedy::Revive { provider: self.pool.provider().clone(), name });
        finding
            .advise(self.how_to_renew())
            .mend("or remove it", self.removal())
            .mend("or, if the provider lets it work after all, revive it", revive)
    }

    fn came_back(&self) -> Finding {
        self.found(Problem::CameBack, "was removed, and another program brought it back; it is not used")
            .mend("remove it again, once that program is ended", self.removal())
    }

    fn suppressed(&self) -> Finding {
        let what =
            format!("is of {}, which somebody removed: no sync keeps it up to date", self.credential.source);
        self.found(Problem::Suppressed, &what)
            .mend("remove it, unless it is wanted after all", self.removal())
    }

    fn no_secret(&self, why: NoSecret) -> Finding {
        let source = &self.credential.source;
        let variable = source.environment_variable().unwrap_or(source.as_str());
        let unset = |finding: Finding| {
            let variables = variables_folder(self.location).join(".env");
            finding
                .advise(format!("set {variable} in {}, or where the agent runs", variables.display()))
                .mend("or remove the credential", self.removal())
        };
        match why {
            NoSecret::NotStored if self.credential.can_be_renewed() => {
                self.found(Problem::RefreshDue, "has a refresh token only, so its next use needs a refresh")
            }
            NoSecret::NotStored => self
                .found(Problem::NoSecret, "stores no secret")
                .advise(self.how_to_renew())
                .mend("or remove it", self.removal()),
            NoSecret::NotLent(Unresolved::VariableNotSet) => unset(
                self.found(Problem::VariableNotSet, &format!("has no secret: {variable} is not set here")),
            ),
            NoSecret::NotLent(Unresolved::Placeholder) => unset(
                self.found(Problem::Placeholder, &format!("has no secret: {variable} holds a placeholder")),
            ),
            NoSecret::NotLent(Unresolved::Odd { what }) => unset(
                self.found(Problem::Placeholder, &format!("has no secret: {variable} has {what} in it")),
            ),
            NoSecret::NotLent(Unresolved::FileMissing) => self
                .found(
                    Problem::LenderMissing,
                    &format!("has no secret: the file that lends it ({source}) is not there"),
                )
                .advise("log in again with the tool that keeps it")
                .mend("or remove the credential", self.removal()),
            NoSecret::NotLent(Unresolved::NoLogin) => self
                .found(
                    Problem::LenderMissing,
                    &format!("has no secret: no login can be read where {source} keeps it"),
                )
                .advise("log in again with the tool that keeps it")
                .mend("or remove the credential", self.removal()),
            NoSecret::NotLent(_) => self.found(
                Problem::SourceNotReadable,
                &format!("is lent by {source}, which only other programs can read"),
            ),
        }
    }

    /// A stand-in that somebody stored as the secret. What a variable lends is looked at when it is lent.
    fn placeholder(&self) -> Option<Finding> {
        let is_owned = matches!(self.credential.holding, Holding::Owned(_));
        let is_placeholder = is_owned && self.credential.secret().is_some_and(Secret::is_placeholder);
        let what = "stores a placeholder where its secret should be";
        is_placeholder.then(|| {
            let finding = self.found(Problem::Placeholder, what);
            finding.mend("remove it, and add it with its real secret", self.removal())
        })
    }

    fn login_lost(&self) -> Option<Finding> {
        let record = self.pool.record(&self.credential.id)?;
        let lost_at = record.lost_at(self.credential)?;
        let ends_at = self.credential.token_ends_at().filter(|ends_at| *ends_at > self.now)?;
        let (lost_at, ends_at) = (time::format(lost_at), time::format(ends_at));
        let what = format!(
            "cannot be renewed since {lost_at}: what its refresh token was spent for is lost; its token is good until {ends_at}"
        );
        Some(self.found(Problem::LoginLost, &what).advise(self.how_to_renew()))
    }

    fn expired(&self) -> Option<Finding> {
        let ended_at = self.credential.token_ends_at().filter(|ends_at| *ends_at <= self.now)?;
        let ended_at = time::format(ended_at);
        if self.credential.can_be_renewed() {
            let what =
                format!("has an access token that ended at {ended_at}, so its next use needs a refresh");
            return Some(self.found(Problem::RefreshDue, &what));
        }
        let what = format!("has an access token that ended at {ended_at}, and no refresh token to renew it");
        let finding = self.found(Problem::Expired, &what);
        Some(finding.advise(self.how_to_renew()).mend("or remove it", self.removal()))
    }

    /// Said once for all that share an id: of the last one in line.
    fn duplicate_id(&self) -> Option<Finding> {
        let id = &self.credential.id;
        let twins =
            self.twins.of_id.get(id).filter(|twins| twins.len() > 1 && twins.last() == Some(&self.index))?;
        let what = format!(
            "{} entries have the id {id}: they share one record, and a verdict on one may hit another",
            twins.len()
        );
        let finding = Finding::new(Problem::DuplicateId, &self.location.target, what);
        let advice = "remove the last of them, and add it again: it then has an id of its own";
        Some(match self.removal() {
            Some(removal) => finding.mend(advice, removal),
            None => finding.advise("they store the same secret: take one of them out with an editor"),
        })
    }

    /// Said of each but the first in line.
    fn duplicate_secret(&self, standing: &Standing) -> Option<Finding> {
        let subject = self.credential.subject().filter(|_| *standing != Standing::Removed)?;
        let first = self.pool.credentials().get(*self.twins.first_with.get(&subject)?)?;
        let what = format!("has the same secret as {}", first.id);
        (first.id != self.credential.id)
            .then(|| self.found(Problem::DuplicateSecret, &what).mend("remove it", self.removal()))
    }

    fn how_to_renew(&self) -> String {
        match (&self.credential.holding, &self.credential.auth_type) {
            (Holding::Borrowed { .. }, _) => format!("renew it at its source, {}", self.credential.source),
            (_, AuthType::OAuth) => "sign in again, and its new token brings it back".to_owned(),
            _ => format!("add the key that takes its place with `pool add {}`", self.pool.provider()),
        }
    }

    fn found(&self, problem: Problem, what: &str) -> Finding {
        Finding::new(problem, &self.location.target, format!("{} {what}", self.credential.id))
    }

    fn removal(&self) -> Option<Remedy> {
        removal(self.pool, self.index, self.namesakes())
    }

    fn name(&self) -> Option<String> {
        name(self.pool, self.index, self.namesakes())
    }

    fn namesakes(&self) -> &[usize] {
        self.twins.of_id.get(&self.credential.id).map_or(&[], Vec::as_slice)
    }
}

/// What removes the first credential of an id.
pub(super) fn removal_of(pool: &Pool, id: &CredentialId) -> Option<Remedy> {
    let places = pool.credentials().iter().enumerate().filter(|(_, credential)| credential.id == *id);
    let namesakes: Vec<usize> = places.map(|(index, _)| index).collect();
    removal(pool, *namesakes.first()?, &namesakes)
}

/// What removes one credential and no other. One that stores the same under the same id would go with it.
fn removal(pool: &Pool, index: usize, namesakes: &[usize]) -> Option<Remedy> {
    let subject = pool.credentials().get(index)?.subject();
    let is_alone = namesakes.iter().filter(|other| **other != index).all(|other| {
        subject.is_some() && pool.credentials().get(*other).is_some_and(|twin| twin.subject() != subject)
    });
    let remove = |name| Remedy::Remove { provider: pool.provider().clone(), name };
    name(pool, index, namesakes).filter(|_| is_alone).map(remove)
}

/// A name that selects this credential and no other: its id, or its number in line. A number may be another's label.
fn name(pool: &Pool, index: usize, namesakes: &[usize]) -> Option<String> {
    let credential = pool.credentials().get(index)?;
    if namesakes == [index] {
        return Some(credential.id.to_string());
    }
    let number = index + 1;
    let names = [number.to_string(), format!("#{number}"), credential.label.clone()];
    let selects =
        |name: &String| pool.select(name).is_ok_and(|selected| std::ptr::eq(selected, credential.as_ref()));
    names.into_iter().find(selects)
}

#[cfg(test)]
mod tests {
    use pool_core::Provider;

    use super::*;

    fn key(id: &str, label: &str, secret: &str) -> Credential {
        let credential = Credential::manual(CredentialId::new(id).unwrap(), Secret::new(secret.to_owned()));
        Credential { label: label.to_owned(), ..credential }
    }

    #[test]
    fn a_name_selects_one_credential_and_no_other() {
        let line = vec![
            key("a1", "work", "key-1"),
            key("a2", "#4", "key-2"),
            key("a2", "4", "key-3"),
            key("a2", "mine", "key-4"),
            key("a5", "twin", "key-5"),
            key("a5", "twin", "key-5"),
        ];
        let pool = Pool::new(Provider::new("acme").unwrap(), line, Default::default());
        let twins = Twins::of(&pool);
        let namesakes = |index: usize| {
            pool.credentials().get(index).map_or(&[] as &[usize], |credential| &twins.of_id[&credential.id])
        };
        let names: Vec<_> = (0..7).map(|index| name(&pool, index, namesakes(index))).collect();
        let names: Vec<_> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, [Some("a1"), Some("2"), Some("3"), Some("mine"), Some("5"), Some("6"), None]);
        let removable: Vec<_> =
            (0..7).map(|index| removal(&pool, index, namesakes(index)).is_some()).collect();
        assert_eq!(removable, [true, true, true, true, false, false, false]);
    }
}
