//! Signals that would end the process, held while a token is spent, since the answer to it is the only copy of a login, and while a
//! board is changed.

#[cfg(not(unix))]
pub(crate) use elsewhere::Signals;
#[cfg(unix)]
pub(crate) use unix::Signals;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::thread;
    use std::time::Duration;

    use nix::sys::signal::{SigSet, Signal, raise};

    use crate::output;

    /// What a person, a terminal and a scheduler send to end a process.
    const HELD: [Signal; 3] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];

    /// They are blocked in all threads, and one of them waits for them: so each keeps its own effect, also that of being ignored.
    #[derive(Debug)]
    pub(crate) struct Signals(Arc<Mutex<State>>);

    #[derive(Default, Debug)]
    struct State {
        /// What is under way, and how long it may take.
        under_way: Option<(&'static str, Duration)>,
        /// The first that came meanwhile.
        caught: Option<Signal>,
    }

    impl Signals {
        /// Must come before any other thread: one that does not block them would get them.
        pub(crate) fn hold() -> io::Result<Self> {
            let held: SigSet = HELD.into_iter().collect();
            held.thread_block()?;
            let state = Arc::default();
            let watched = Arc::clone(&state);
            thread::Builder::new().name("pool-signals".to_owned()).spawn(move || watch(&held, &watched))?;
            Ok(Self(state))
        }

        /// Does something that takes this long at most, and that no signal ends. It is named in a note to whoever sends one.
        pub(crate) fn during<T>(&self, what: &'static str, longest: Duration, work: impl FnOnce() -> T) -> T {
            lock(&self.0).under_way = Some((what, longest));
            let done = work();
            lock(&self.0).under_way = None;
            done
        }

        /// Whether one came meanwhile, which is to be obeyed.
        pub(crate) fn is_caught(&self) -> bool {
            lock(&self.0).caught.is_some()
        }

        /// Ends as the signal that came ends a process. Returns where none came, or it is ignored.
        pub(crate) fn obey(&self) {
            let caught = lock(&self.0).caught.take();
            caught.into_iter().for_each(end_by);
        }
    }

    fn watch(held: &SigSet, state: &Mutex<State>) {
        while let Ok(signal) = held.wait() {
            let mut state = lock(state);
            match state.under_way {
                None => end_by(signal),
                Some((what, longest)) if state.caught.is_none() => {
                    state.caught = Some(signal);
                    output::print_note(&format!(
                        "{what} is under way; it ends within {} s, and so does this command",
                        longest.as_secs()
                    ));
                }
                Some(_) => {}
            }
        }
    }

    /// Lets go of a signal and sends it to this thread.
    fn end_by(signal: Signal) {
        let only: SigSet = [signal].into_iter().collect();
        let ended = only.thread_unblock().and_then(|()| raise(signal)).and_then(|()| only.thread_block());
        if let Err(error) = ended {
            tracing::warn!(%signal, %error, "cannot end by a signal");
        }
    }

    fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where nothing can be held, a signal ends the process as ever.
#[cfg(not(unix))]
mod elsewhere {
    use std::io;
    use std::time::Duration;

    #[derive(Debug)]
    pub(crate) struct Signals;

    impl Signals {
        pub(crate) fn hold() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn during<T>(&self, _: &'static str, _: Duration, work: impl FnOnce() -> T) -> T {
            work()
        }

        pub(crate) fn is_caught(&self) -> bool {
            false
        }

        pub(crate) fn obey(&self) {}
    }
}
