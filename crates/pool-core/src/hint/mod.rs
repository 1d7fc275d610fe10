//! What the message of an upstream error tells: when a limit resets, and whether a secret is gone for good.
//!
//! Messages are prose and may be long, so only their beginning is read, once, from left to right.

mod gone;
mod reset;

pub(crate) use gone::{says_expired, says_gone};
pub(crate) use reset::reset_in;

/// How much of a message is read, in bytes. What is longer is a page of HTML rather than a sentence.
const MOST_BYTES: usize = 64 * 1024;

/// What is read of a message.
pub(crate) fn beginning(message: &str) -> &str {
    message.split_at(message.floor_char_boundary(MOST_BYTES)).0
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|entry| word.eq_ignore_ascii_case(entry))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn millis(message: &str) -> Option<i64> {
        reset_in(message).map(|delta| delta.num_milliseconds())
    }

    /// Only the beginning is read, and it may not be cut within a character.
    #[test]
    fn long_messages_are_cut() {
        for filler in ["x ", "é ", "€", "😀"] {
            let filler = filler.repeat(MOST_BYTES);
            let message = format!("{filler} retry after 5 s. API key revoked. expired");
            assert_eq!(
                (reset_in(&message), says_gone(&message), says_expired(&message)),
                (None, false, false)
            );
            let message = format!("retry after 5 s. API key revoked. {filler}");
            assert_eq!((millis(&message), says_gone(&message)), (Some(5_000), true));
        }
    }

    /// Each of these would be slow if a run were read again from each place within it.
    #[test]
    fn long_messages_are_quick() {
        let runs = [
            "1",
            " ",
            "retry ",
            "retry after ",
            "retry after 1",
            "1s ",
            "retry after 0s 0",
            "\"",
            "quotaResetDelay:",
        ];
        let words = [
            "revoked ",
            "key revoked or ",
            "has ",
            "all key revoked for user ",
            "account x key revoked ",
            "revoked api ",
        ];
        for part in runs.into_iter().chain(words) {
            let message = format!("retry after {}", part.repeat(10_000_000 / part.len()));
            let _: (Option<TimeDelta>, bool, bool) =
                (reset_in(&message), says_gone(&message), says_expired(&message));
        }
    }

    const SOUP: &str = "(retry after|resets in|try again in|key|token|account|revoked|has been|or|not|if|\
                        the|of|é|’| |[.?!;:,/'\"]|[0-9]{1,20}|ms|min|h|and){0,30}";

    proptest! {
        #[test]
        fn nothing_panics(message in any::<String>()) {
            let _: (Option<TimeDelta>, bool, bool) = (reset_in(&message), says_gone(&message), says_expired(&message));
        }

        #[test]
        fn nothing_panics_on_what_is_nearly_a_hint(message in SOUP) {
            let _: (bool, bool) = (says_gone(&message), says_expired(&message));
            if let Some(delta) = reset_in(&message) {
                prop_assert!(delta > TimeDelta::zero() && delta <= TimeDelta::days(3653));
            }
        }

        #[test]
        fn parts_add_up(hours in 0_i64..1000, minutes in 0_i64..1000, seconds in 1_i64..1000) {
            let expected = TimeDelta::seconds(hours * 3600 + minutes * 60 + seconds);
            let short = format!("Retry in {hours}h{minutes}m{seconds}s.");
            let long = format!("resets in {hours} hrs, {minutes} min and {seconds} sec");
            prop_assert_eq!((reset_in(&short), reset_in(&long)), (Some(expected), Some(expected)));
        }

        #[test]
        fn expiry_is_never_the_end(before in SOUP, after in SOUP) {
            let message = format!("{before} expired {after} API key revoked");
            prop_assert!(!says_gone(&message));
        }
    }
}
