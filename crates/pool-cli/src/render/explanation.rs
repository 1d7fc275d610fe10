//! What a failure means, for people.

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Utc};
use pool_core::{Judgement, Kind, LastError, Mark, Remark, Rule, Scope, Treatment, Verdict, time};

use crate::render::{printable, when};

const TERMINAL: Style = AnsiColor::Red.on_default().bold();
const PASSING: Style = AnsiColor::Yellow.on_default().bold();

/// What a failure means, who says so, and what the pool does about it.
pub(crate) fn explanation(judgement: &Judgement, error: &LastError, now: DateTime<Utc>) -> String {
    let verdict = &judgement.verdict;
    let style = if verdict.is_terminal() { TERMINAL } else { PASSING };
    let mut text = format!("{style}{}{style:#}: {}\n", verdict.kind, meaning(verdict.kind));
    let mut line = |name: &str, words: &str| text += &format!("  {name:<12} {}\n", printable(words));
    line("they said", &said(error));
    line("at fault", fault(verdict.scope));
    if let Some(remark) = verdict.remark {
        line("besides", noticed(remark));
    }
    line("over", &over(verdict, now));
    line("an agent", treatment(Treatment::of(verdict)));
    line("pool report", &report(judgement, now));
    line("by the rule", verdict.rule);
    if let Some(rule) = Rule::named(verdict.rule) {
        line("known from", rule.source());
    }
    text
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::RateLimit => "too many requests or tokens for now",
        Kind::Billing => "out of money or credits",
        Kind::Auth => "the secret was not accepted, for now",
        Kind::AuthPermanent => "the secret is gone for good",
        Kind::Entitlement => "the account or the key may not do this",
        Kind::Overloaded => "the provider has more load than it can take",
        Kind::ServerError => "the provider broke",
        Kind::UpstreamRateLimit => "a provider behind the provider throttles it",
        Kind::ModelNotFound => "no such model, or not for this account",
        Kind::ContextOverflow => "more text than the model takes",
        Kind::ContentPolicy => "refused for what it says",
        Kind::Request => "the request itself is at fault",
        Kind::Egress => "something on the way to the provider refused, or its rules for a region",
        Kind::Network => "no connection",
        Kind::Timeout => "no answer in time",
        _ => "not understood",
    }
}

/// What upstream said, in one line: `401 token_invalidated: Please sign in again.`
fn said(error: &LastError) -> String {
    let code = error.code.map(|code| code.to_string());
    let head: Vec<&str> = [code.as_deref(), error.reason.as_deref()].into_iter().flatten().collect();
    let parts = [Some(head.join(" ")).filter(|head| !head.is_empty()), error.message.clone()];
    let said: Vec<String> = parts.into_iter().flatten().collect();
    if said.is_empty() {
        return "nothing".to_owned();
    }
    said.join(": ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fault(scope: Scope) -> &'static str {
    match scope {
        Scope::Request => "the request: it would fail with any credential",
        Scope::Model => "one model, with this credential",
        Scope::Account => "the account, with every login of it",
        Scope::Provider => "the provider, with any credential",
        Scope::Egress => "the way to the provider, with any credential",
        _ => "this credential",
    }
}

fn noticed(remark: Remark) -> &'static str {
    match remark {
        Remark::PlanLimit => "a limit of a plan, not a burst: who comes back in a moment is refused again",
        Remark::InvalidKey => {
            "the key is wrong, a strike against it: each doubles its rest, and the fourth in half an hour or more is its end"
        }
        Remark::Expired => "the token expired: a refresh cures that",
        Remark::Bare => "nobody said why the token is not valid: it may have expired",
        Remark::Residency => {
            "the header x-openai-internal-codex-residency is missing: its value is the token's claim \
             chatgpt_data_residency, else chatgpt_compute_residency"
        }
        other => other.as_str(),
    }
}

fn over(verdict: &Verdict, now: DateTime<Utc>) -> String {
    match verdict.until {
        Some(until) => format!("{}, as they said", moment(until, now)),
        None if verdict.is_terminal() => "never by itself: it takes a new secret".to_owned(),
        None if verdict.scope == Scope::Request => "not by waiting: it takes another request".to_owned(),
        None => "nobody said when".to_owned(),
    }
}

/// What an agent does about it that lets the pool recover its request.
fn treatment(treatment: Treatment) -> &'static str {
    match treatment {
        Treatment::RetryOnce => {
            "tries the same credential once more in a moment; refused again, marks it and uses another"
        }
        Treatment::Rotate => "marks it and uses another",
        Treatment::Refresh => {
            "renews the token of a login and tries again; marks a key, or what cannot be renewed, and uses another"
        }
        Treatment::RefreshIfExpired => {
            "renews the token of a login if it may have expired, and tries again; else marks it dead and uses another"
        }
        Treatment::Bury => "marks this login or key dead and uses another; it is not refreshed",
        Treatment::BackOff => "waits and tries the same credential, a few times; marks nobody",
        Treatment::HandBack => "hands the error back at once; marks nobody",
        other => other.as_str(),
    }
}

/// What an explicit report would do, with the default cooldowns.
fn report(judgement: &Judgement, now: DateTime<Utc>) -> String {
    let verdict = &judgement.verdict;
    let whom = match judgement.mark() {
        Mark::Nobody => return "marks nobody".to_owned(),
        _ if verdict.is_terminal() => return "marks this credential dead".to_owned(),
        Mark::Model(model) => format!("rests this credential for {model} only"),
        Mark::Account => "rests every credential known to be of this account".to_owned(),
        _ => "rests this credential".to_owned(),
    };
    format!("{whom}, until {}", moment(judgement.until, now))
}

fn moment(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ({})", time::format(time), when(time, now))
}
