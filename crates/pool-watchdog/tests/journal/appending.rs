use std::fs;
use std::path::Path;
use std::process::Child;

use pool_watchdog::{Card, Decided, Entry, Journal, JournalState, What};

use crate::story::{BOARD, at, began, card, decided, ended, on, story};
use crate::writer::{kept, start};

fn noted(says: &str) -> Entry {
    on(0, "t_1", What::Noted { says: says.to_owned() })
}

fn entries(folder: &Path) -> Vec<Entry> {
    Journal::open(folder).entries().unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_is_appended_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path());
    assert_eq!(entries(folder.path()), []);
    assert!(!journal.path().exists(), "nothing is made before the first entry");
    for entry in story() {
        journal.append(&entry).unwrap();
    }
    assert_eq!(entries(folder.path()), story());
}

#[cfg(unix)]
#[test]
fn a_journal_is_private() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("not/there/yet"));
    journal.append(&noted("a")).unwrap();
    journal.publish().unwrap();
    for file in fs::read_dir(journal.path().parent().unwrap()).unwrap().map(Result::unwrap) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn a_key_is_masked_before_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path());
    journal.append(&noted("Authorization: Bearer sk-proj-abcdefghijklmnop")).unwrap();
    let text = fs::read_to_string(journal.path()).unwrap();
    assert!(!text.contains("abcdefghijklmnop"), "{text}");
    assert!(text.contains("[redacted]"), "{text}");
}

#[test]
fn a_torn_last_line_takes_no_other_entry_along() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path());
    let written = [noted("a"), noted("böse\nZeile"), noted("c")];
    written.iter().for_each(|entry| journal.append(entry).unwrap());
    let whole = fs::read(journal.path()).unwrap();
    for cut in 0..=whole.len() {
        fs::write(journal.path(), &whole[..cut]).unwrap();
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(entries(folder.path()), written[..lines], "cut at {cut}");

        journal.append(&noted("next")).unwrap();
        let after = entries(folder.path());
        // A line that lacks only its end gets it from the next.
        let lines = lines + usize::from(whole.get(cut) == Some(&b'\n'));
        assert_eq!(after[..lines], written[..lines], "cut at {cut}");
        assert_eq!(after[lines..], [noted("next")], "cut at {cut}");
    }
}

#[test]
fn what_is_no_entry_is_skipped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path());
    journal.append(&noted("a")).unwrap();
    let mut text = fs::read(journal.path()).unwrap();
    text.extend(
        b"{\"at\":\"2031-01-01T00:00:00Z\",\"board\":\"default\",\"what\":\"foretold\",\"says\":\"x\"}\n",
    );
    text.extend(b"\xff\xfe\x00 garbage\n\n[]\n");
    fs::write(journal.path(), &text).unwrap();
    journal.append(&noted("b")).unwrap();

    assert_eq!(entries(folder.path()), [noted("a"), noted("b")]);
    assert_eq!(journal.state().unwrap().skipped(), 4);
    assert!(fs::read(journal.path()).unwrap().starts_with(&text), "nothing of it is lost");
}

#[test]
fn fields_of_a_newer_version_are_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path());
    let line =
        serde_json::to_string(&noted("a")).unwrap().replace("\"says\"", "\"mood\":{\"of\":[1]},\"says\"");
    fs::write(journal.path(), format!("{line}\n")).unwrap();
    assert_eq!(entries(folder.path()), [noted("a")]);
}

#[test]
fn a_decision_is_written_when_it_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path());
    // Masked as it is kept, or it would be another one each time.
    let decision = |seconds, task, says: &str| {
        on(seconds, task, decided(Decided::new("leave", "row", format!("{says}: api_key=sk-abcdefghijkl"))))
    };
    assert!(journal.append_if_new(&decision(0, "t_1", "a")).unwrap());
    assert!(!journal.append_if_new(&decision(30, "t_1", "a")).unwrap(), "only the time is another");
    assert!(journal.append_if_new(&decision(30, "t_2", "a")).unwrap());
    assert!(!Journal::open(folder.path()).append_if_new(&decision(60, "t_1", "a")).unwrap());
    assert!(Journal::open(folder.path()).append_if_new(&decision(60, "t_1", "b")).unwrap());
    assert!(journal.append_if_new(&decision(90, "t_1", "a")).unwrap(), "somebody else decided meanwhile");
    assert_eq!(entries(folder.path()).len(), 4);
}

#[test]
fn only_what_is_new_on_a_board_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path());
    let (a, b) = (card("t_1", "A", "ready", "x", &[]), card("t_2", "B", "todo", "x", &["t_1"]));
    let started = card("t_1", "A", "running", "x", &[]);
    let stands = |journal: &mut Journal, cards: &[Card]| journal.append_queue(at(0), BOARD, cards).unwrap();
    assert!(stands(&mut journal, &[a.clone(), b.clone()]));
    assert!(!stands(&mut journal, &[b.clone(), a.clone()]), "the order says nothing");
    assert!(stands(&mut journal, &[started.clone(), b.clone()]));
    assert!(stands(&mut journal, std::slice::from_ref(&b)));
    assert!(!stands(&mut journal, std::slice::from_ref(&b)));
    let written: Vec<What> = entries(folder.path()).into_iter().map(|entry| entry.what).collect();
    let queue = |tasks: &[&Card], gone: &[&str]| What::Queue {
        tasks: tasks.iter().map(|&card| card.clone()).collect(),
        gone: gone.iter().map(|&id| id.to_owned()).collect(),
    };
    assert_eq!(written, [queue(&[&a, &b], &[]), queue(&[&started], &[]), queue(&[], &["t_1"])]);
    assert!(journal.state().unwrap().cards(BOARD).eq([&b]));
}

#[test]
fn an_empty_board_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path());
    assert!(journal.append_queue(at(0), BOARD, &[]).unwrap());
    assert!(!journal.append_queue(at(1), BOARD, &[]).unwrap());
}

#[test]
fn an_action_without_an_end_is_open() {
    let entries = [
        on(0, "t_1", began("make", 7, "make all")),
        on(1, "t_1", ended("make", true, "made")),
        on(2, "t_1", began("complete", 8, "complete it")),
        on(3, "t_2", began("make", 9, "make all")),
    ];
    let mut state: JournalState = entries.into_iter().collect();
    let open = |state: &JournalState| -> Vec<(String, i64)> {
        let named = |attempt: &&pool_watchdog::Attempt| (attempt.action.clone(), attempt.after_event);
        state.open_actions(BOARD).iter().map(named).collect()
    };
    assert_eq!(open(&state), [("complete".to_owned(), 8), ("make".to_owned(), 9)]);
    // Whoever begins again has given up on the first.
    state
        .extend([on(4, "t_2", began("make", 10, "make all")), on(5, "t_1", ended("complete", true, "done"))]);
    assert_eq!(open(&state), [("make".to_owned(), 10)]);
    assert!(state.open_actions("other").is_empty());
}

#[test]
fn attempts_count_from_an_event_on() {
    let make =
        |event, done| [on(0, "t_1", began("make", event, "x")), on(1, "t_1", ended("make", done, "x"))];
    let entries = [make(5, true), make(8, false), make(9, true)].into_iter().flatten();
    let state: JournalState = entries.chain([on(2, "t_1", began("make", 10, "x"))]).collect();
    let counted = |since| {
        let attempts = state.attempts(BOARD, "t_1", "make", since);
        (attempts.begun, attempts.done)
    };
    assert_eq!([counted(0), counted(6), counted(9), counted(11)], [(4, 2), (3, 1), (2, 1), (0, 0)]);
    assert_eq!(state.attempts(BOARD, "t_1", "complete", 0).begun, 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    for name in ["watchdog.jsonl", "PROJECT_STATE.md", "PROJECT_STATE.html"] {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut journal = Journal::open(folder.path());
        let (appended, published) = (journal.append(&noted("a")), journal.publish());
        assert_eq!(appended.is_err(), pipe == journal.path(), "{name}");
        let error = published.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_long_story_keeps_its_newest_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path());
    let lines = (0..10_000).map(|number| serde_json::to_string(&noted(&number.to_string())).unwrap() + "\n");
    fs::write(journal.path(), lines.collect::<String>()).unwrap();
    journal.publish().unwrap();
    let page = fs::read_to_string(folder.path().join("PROJECT_STATE.md")).unwrap();
    assert!(page.contains(": 9999\n") && page.contains("steps before"), "{page}");
    assert!(page.len() < 10_000, "{}", page.len());
}

#[test]
fn eight_processes_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writers: Vec<Child> =
        (0..8).map(|writer| start(folder.path(), &format!("writer-{writer}"), 12)).collect();
    for writer in &mut writers {
        assert_eq!(kept(writer).count(), 12);
        assert!(writer.wait().unwrap().success());
    }
    let entries = entries(folder.path());
    assert_eq!(entries.len(), 8 * 12);
    for writer in 0..8 {
        let name = format!("writer-{writer}");
        let own = entries.iter().filter(|entry| entry.task.as_ref() == Some(&name));
        let says: Vec<What> = own.map(|entry| entry.what.clone()).collect();
        let expected: Vec<What> =
            (0..12).map(|number: i32| What::Noted { says: number.to_string() }).collect();
        assert_eq!(says, expected, "in their order");
    }
}
