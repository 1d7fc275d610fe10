use chrono::{DateTime, TimeDelta, Utc};
use pool_core::{Credential, LastError, NoSecret, Pool, Source, Standing, Strikes, Unresolved, WhyOut};

use crate::error::Nothing;

/// Text from a file or from upstream, safe to show: what controls a terminal or cannot be seen is escaped.
pub(crate) fn printable(text: &str) -> String {
    let escape = |c: char| {
        let invisible = c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        if invisible { c.escape_unicode().to_string() } else { c.to_string() }
    };
    text.chars().map(escape).collect()
}

/// A name or reason is shown up to this length, so that one of them does not push all else off the screen. JSON has it whole.
const LONGEST_SHOWN: usize = 40;

/// Text for a place that has to stay narrow: printable, and cut.
pub(crate) fn cut(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some(_) => text.chars().take(LONGEST_SHOWN - 1).chain(['…']).collect(),
        None => text,
    }
}

/// How long something still lasts, in its two largest units, rounded up to the second: `8h 30m`, `45s`.
pub(crate) fn left(time: TimeDelta) -> String {
    let part_of_second = time.subsec_nanos() > 0;
    let seconds = time.num_seconds().saturating_add(i64::from(part_of_second)).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match (days, hours, minutes) {
        (1.., _, _) => format!("{days}d {}h", hours % 24),
        (_, 1.., _) => format!("{hours}h {}m", minutes % 60),
        (_, _, 1..) => format!("{minutes}m {}s", seconds % 60),
        _ => format!("{seconds}s"),
    }
}

/// When something comes, seen from now: `in 8h 30m`.
pub(crate) fn when(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("in {}", left(time - now))
}

/// How a credential stands, in words: what, why, and for how long.
pub(crate) fn standing(standing: &Standing, source: &Source, now: DateTime<Utc>) -> String {
    match standing {
        Standing::Ready => "ok".to_owned(),
        Standing::Resting { until, error, .. } => format!("resets {}: {}", when(*until, now), cause(error)),
        Standing::Dead { error, .. } => format!("DEAD: {}", cause(error)),
        Standing::NoSecret { why, .. } => format!("no secret: {}", why_no_secret(*why, source)),
        Standing::UnknownStatus(word) => format!("unknown status `{}`, so not used", cut(word)),
        Standing::Removed => "removed; another program brought it back".to_owned(),
        other => other.status().to_owned(),
    }
}

/// How often the key that a credential stores now was refused as wrong, if it was.
pub(crate) fn strikes(pool: &Pool, credential: &Credential) -> Option<Strikes> {
    pool.record(&credential.id)?.strikes.filter(|strikes| credential.holds(strikes.subject))
}

/// How many strikes there are: `2 strikes`.
pub(crate) fn counted(strikes: Strikes) -> String {
    let noun = if strikes.count == 1 { "strike" } else { "strikes" };
    format!("{} {noun}", strikes.count)
}

/// What upstream said, short: `usage_limit_reached (429)`.
fn cause(error: &LastError) -> String {
    let reason = error.reason.as_deref().map_or_else(|| error.kind.to_string(), cut);
    match error.code {
        Some(code) => format!("{reason} ({code})"),
        None => reason,
    }
}

fn why_no_secret(why: NoSecret, source: &Source) -> String {
    let variable = || cut(source.environment_variable().unwrap_or(source.as_str()));
    match why {
        NoSecret::NotStored => "none is stored".to_owned(),
        NoSecret::NotLent(Unresolved::VariableNotSet) => format!("{} is not set here", variable()),
        NoSecret::NotLent(Unresolved::Placeholder) => format!("{} holds a placeholder", variable()),
        NoSecret::NotLent(Unresolved::Odd { what }) => format!("{} has {what} in it", variable()),
        NoSecret::NotLent(Unresolved::FileMissing) => {
            format!("the file of {} is not here", cut(source.as_str()))
        }
        NoSecret::NotLent(Unresolved::NoLogin) => {
            format!("no login can be read from {}", cut(source.as_str()))
        }
        NoSecret::NotLent(_) => format!("{} lends it to other programs only", cut(source.as_str())),
    }
}

/// Why each credential is out, a line each, and what upstream really said last.
pub(crate) fn reasons(nothing: &Nothing) -> String {
    let mut text = String::new();
    for out in &nothing.unavailable.out {
        let why = match &out.why {
            WhyOut::Standing(how) => short(how, nothing.now),
            WhyOut::Model(how) => format!("for this model: {}", short(how, nothing.now)),
            _ => "left out by the request".to_owned(),
        };
        text += &format!("  {} ({}): {why}\n", printable(out.id.as_str()), cut(&out.label));
    }
    let message =
        nothing.unavailable.last_error().and_then(|(out, error)| Some((out, error.message.as_deref()?)));
    if let Some((out, message)) = message {
        text += &format!("  {} was last told: {}\n", printable(out.id.as_str()), printable(message));
    }
    text
}

/// Without its source at hand, a credential that has no secret just says so.
fn short(how: &Standing, now: DateTime<Utc>) -> String {
    match how {
        Standing::NoSecret { .. } => "no usable secret".to_owned(),
        other => standing(other, &Source::manual(), now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_largest_units() {
        let cases = [
            (0, "0s"),
            (45_000, "45s"),
            (44_001, "45s"),
            (250_000, "4m 10s"),
            (30_600_000, "8h 30m"),
            (604_800_000, "7d 0h"),
            (-5_000, "0s"),
        ];
        for (milliseconds, expected) in cases {
            assert_eq!(left(TimeDelta::milliseconds(milliseconds)), expected);
        }
    }

    #[test]
    fn nothing_that_moves_a_terminal_is_printed() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}"), "a\\u{1b}[31mb\\u{a}c\\u{202e}");
        assert_eq!(printable("a\u{2028}b\u{61c}\u{ad}\u{2060}"), "a\\u{2028}b\\u{61c}\\u{ad}\\u{2060}");
        assert_eq!(printable("über"), "über");
    }

    #[test]
    fn what_is_long_is_cut_after_it_was_made_printable() {
        assert_eq!(cut(&"ü".repeat(40)), "ü".repeat(40));
        assert_eq!(cut(&"ü".repeat(41)), "ü".repeat(39) + "…");
        assert_eq!(cut(&"\u{1b}".repeat(40)).chars().count(), 40);
    }
}
