//! Every environment variable that the commands read beside those that say where a home is, declared once. (`env:*` sources name
//! further ones.)

/// What to log to standard error, in the syntax of tracing-subscriber: `warn` by default.
const POOL_LOG: &str = "POOL_LOG";

/// What to log.
pub(crate) fn log_filter() -> String {
    std::env::var(POOL_LOG).unwrap_or_else(|_| "warn".to_owned())
}

/// A variable that an argument names.
pub(crate) fn named(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
