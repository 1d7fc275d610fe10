//! Logs of workers, and what happens to them on their way, for the tests of this crate.

use proptest::prelude::*;

/// Logs of real workers, made with Hermes Agent, its dispatcher's arguments, and local servers that answer as the name says.
pub(super) const LOGS: [(&str, &str); 23] = [
    ("429", include_str!("../../tests/logs/429.log")),
    ("bearer", include_str!("../../tests/logs/bearer.log")),
    ("invalid", include_str!("../../tests/logs/invalid.log")),
    ("refused", include_str!("../../tests/logs/refused.log")),
    ("region", include_str!("../../tests/logs/region.log")),
    ("user", include_str!("../../tests/logs/user.log")),
    ("answer", include_str!("../../tests/logs/answer.log")),
    ("complete", include_str!("../../tests/logs/complete.log")),
    ("compression", include_str!("../../tests/logs/compression.log")),
    ("empty-login", include_str!("../../tests/logs/empty-login.log")),
    ("killed", include_str!("../../tests/logs/killed.log")),
    ("late-region", include_str!("../../tests/logs/late-region.log")),
    ("model", include_str!("../../tests/logs/model.log")),
    ("money", include_str!("../../tests/logs/money.log")),
    ("no-login", include_str!("../../tests/logs/no-login.log")),
    ("no-name", include_str!("../../tests/logs/no-name.log")),
    ("overloaded", include_str!("../../tests/logs/overloaded.log")),
    ("quote", include_str!("../../tests/logs/quote.log")),
    ("server-error", include_str!("../../tests/logs/server-error.log")),
    ("skill", include_str!("../../tests/logs/skill.log")),
    ("timeout", include_str!("../../tests/logs/timeout.log")),
    ("title", include_str!("../../tests/logs/title.log")),
    ("usage", include_str!("../../tests/logs/usage.log")),
];

/// What may happen to a log on its way: it is cut, spliced, repeated, shuffled and garbled.
#[derive(Clone, Debug)]
enum Harm {
    Cut(prop::sample::Index, prop::sample::Index),
    Splice(prop::sample::Index, usize),
    Repeat(prop::sample::Index, prop::sample::Index, usize),
    Shuffle(Vec<prop::sample::Index>),
    Garble(prop::sample::Index, Vec<u8>),
    Lengthen(prop::sample::Index, u8),
}

impl Harm {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        prop_oneof![
            (place(), place()).prop_map(|(from, to)| Self::Cut(from, to)),
            (place(), 0..LOGS.len()).prop_map(|(at, log)| Self::Splice(at, log)),
            (place(), place(), 1..4_usize).prop_map(|(from, to, times)| Self::Repeat(from, to, times)),
            prop::collection::vec(place(), 1..9).prop_map(Self::Shuffle),
            (place(), prop::collection::vec(any::<u8>(), 1..20))
                .prop_map(|(at, bytes)| Self::Garble(at, bytes)),
            (place(), any::<u8>()).prop_map(|(at, byte)| Self::Lengthen(at, byte)),
        ]
    }

    fn does(&self, log: &mut Vec<u8>) {
        let end = log.len() + 1;
        let range = |from: &prop::sample::Index, to: &prop::sample::Index| {
            let (from, to) = (from.index(end), to.index(end));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Cut(from, to) => drop(log.drain(range(from, to))),
            Self::Splice(at, other) => drop(log.splice(at.index(end)..at.index(end), LOGS[*other].1.bytes())),
            Self::Repeat(from, to, times) => {
                let part = log[range(from, to)].repeat(*times);
                log.splice(to.index(end)..to.index(end), part);
            }
            Self::Shuffle(order) => {
                let mut lines: Vec<Vec<u8>> = log.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                for at in order {
                    let line = lines.remove(at.index(lines.len()));
                    lines.push(line);
                }
                *log = lines.join(&b'\n');
            }
            Self::Garble(at, bytes) => {
                let at = at.index(end);
                log.splice(at..(at + bytes.len()).min(end - 1), bytes.iter().copied());
            }
            Self::Lengthen(at, byte) => drop(log.splice(at.index(end)..at.index(end), vec![*byte; 20_000])),
        }
    }
}

/// A log to which something happened.
pub(crate) fn harmed() -> impl Strategy<Value = String> {
    (0..LOGS.len(), prop::collection::vec(Harm::any(), 0..6)).prop_map(|(log, harms)| {
        let mut bytes = LOGS[log].1.as_bytes().to_vec();
        harms.iter().for_each(|harm| harm.does(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Lines with a key in them, as providers quote it and as people let it slip.
pub(crate) const KEY: &str = "sk-proj-CANARY-0123456789abcdef";
const SLIPS: [&str; 7] = [
    "⚠️  API call failed (attempt 1/3): AuthenticationError sk-proj-CANARY-0123456789abcdef [HTTP 401]",
    "   🔌 Provider: sk-proj-CANARY-0123456789abcdef  Model: sk-proj-CANARY-0123456789abcdef",
    "   📝 Error: HTTP 401: Incorrect API key provided: sk-proj-CANARY-0123456789abcdef.",
    "❌ Non-retryable error (HTTP 401): HTTP 401: no key \u{1b}[1m'sk-proj-CANARY-0123456789abcdef'",
    "⚠ Auxiliary title generation failed: bad key sk-proj-CANARY-0123456789abcdef",
    "Error: Unknown skill(s): sk-proj-CANARY-0123456789abcdef, sk-proj-CANARY-0123456789abcdef",
    "Traceback (most recent call last):\nValueError: sk-proj-CANARY-0123456789abcdef",
];

/// A log in which people or providers let keys slip.
pub(crate) fn slipped(log: String) -> impl Strategy<Value = String> {
    let slips = prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&SLIPS[..])), 0..4);
    slips.prop_map(move |slips| {
        let mut lines: Vec<&str> = log.split('\n').collect();
        for (at, slip) in &slips {
            lines.insert(at.index(lines.len() + 1), slip);
        }
        lines.join("\n")
    })
}
