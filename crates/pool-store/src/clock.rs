use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Utc};

/// The system's time, asked for once in a millisecond: in between, the clock that also tells how long ago the last look
/// was goes on from there. Reading two clocks would be half of the time that a pick takes.
#[derive(Debug, Default)]
pub(crate) struct WallClock {
    asked: Option<(Instant, i64)>,
}

/// So long the answer of the system holds. Whoever sets its clock is noticed then.
const HOLDS: Duration = Duration::from_millis(1);

impl WallClock {
    /// What time it is at this instant, which is now, in whole microseconds.
    pub(crate) fn at(&mut self, instant: Instant) -> DateTime<Utc> {
        let since = |(asked, _): &(Instant, i64)| instant.checked_duration_since(*asked);
        let (asked, micros) = match self.asked {
            Some(answer) if since(&answer).is_some_and(|passed| passed < HOLDS) => answer,
            _ => (instant, now_in_micros()),
        };
        self.asked = Some((asked, micros));
        let passed = i64::try_from(instant.duration_since(asked).as_micros()).unwrap_or(0);
        DateTime::from_timestamp_micros(micros.saturating_add(passed)).unwrap_or_default()
    }
}

fn now_in_micros() -> i64 {
    DateTime::<Utc>::from(SystemTime::now()).timestamp_micros()
}
