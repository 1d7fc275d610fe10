use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use pool_watchdog::{Journal, PageKind};

use crate::story::story;
use crate::writer::{kept, start};

const FOREIGN: &str = include_str!("foreign.html");
const NOTES: &str = "# Where we are\n\nWritten by a worker, without a last line end";

fn journal(folder: &Path) -> Journal {
    let journal = Journal::open(folder);
    story().iter().for_each(|entry| journal.append(entry).unwrap());
    journal
}

/// Writes as somebody else would, an hour ago.
fn write_long_ago(path: &Path, text: impl AsRef<[u8]>) -> SystemTime {
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_780_000_000, 123_456_789);
    fs::write(path, text).unwrap();
    File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
    then
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_page_of_others_keeps_their_text_and_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    for (kind, text) in [(PageKind::Html, FOREIGN), (PageKind::Markdown, NOTES)] {
        let path = journal.page(kind);
        let then = write_long_ago(&path, text);
        journal.publish().unwrap();
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.contains("t_52cac9ce"), "{page}");
        assert_eq!(modified(&path), then);
        let others = String::from_utf8(kind.of_others(page.as_bytes())).unwrap();
        assert_eq!(
            others.split_whitespace().collect::<String>(),
            text.split_whitespace().collect::<String>()
        );
    }
    let html = fs::read_to_string(journal.page(PageKind::Html)).unwrap();
    assert!(html.ends_with("<!-- pool-watchdog:end -->\n</body>\n</html>\n"), "{html}");
    let markdown = fs::read_to_string(journal.page(PageKind::Markdown)).unwrap();
    assert!(markdown.starts_with(&format!("{NOTES}\n\n<!-- pool-watchdog:begin -->\n")), "{markdown}");
}

#[test]
fn a_page_that_says_so_already_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    journal.publish().unwrap();
    for kind in PageKind::ALL {
        let path = journal.page(kind);
        let page = fs::read(&path).unwrap();
        assert_eq!(kind.of_others(&page), b"", "it is wholly the journal's");
        let then = write_long_ago(&path, &page);
        journal.publish().unwrap();
        assert_eq!(modified(&path), then);
    }
}

#[test]
fn what_a_worker_adds_to_our_page_makes_it_his_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    journal.publish().unwrap();
    for kind in PageKind::ALL {
        let path = journal.page(kind);
        let page = fs::read_to_string(&path).unwrap() + "<p>added</p>\n";
        let then = write_long_ago(&path, &page);
        journal.append(&story()[0]).unwrap();
        journal.publish().unwrap();
        let others = String::from_utf8(kind.of_others(&fs::read(&path).unwrap())).unwrap();
        assert!(others.ends_with("<p>added</p>\n"), "{others}");
        assert_eq!(modified(&path), then);
    }
}

#[test]
fn a_mark_that_has_lost_the_other_is_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let path = journal.page(PageKind::Markdown);
    let text = "a\n<!-- pool-watchdog:end -->\nb\n<!-- pool-watchdog:begin -->\nc\n\n";
    write_long_ago(&path, text);
    journal.publish().unwrap();
    let first = fs::read(&path).unwrap();
    assert_eq!(PageKind::Markdown.of_others(&first), text.as_bytes());
    let stray = [first.as_slice(), b"<!-- pool-watchdog:end -->\nd\n"].concat();
    write_long_ago(&path, &stray);
    journal.publish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), stray);
}

#[test]
fn a_section_moves_with_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let path = journal.page(PageKind::Markdown);
    write_long_ago(
        &path,
        "above\r\n  <!-- pool-watchdog:begin -->\r\nold\r\n<!-- pool-watchdog:end --> \r\nbelow\r\n",
    );
    journal.publish().unwrap();
    let page = fs::read_to_string(&path).unwrap();
    assert_eq!(PageKind::Markdown.of_others(page.as_bytes()), b"above\r\nbelow\r\n");
    assert!(page.contains("t_52cac9ce") && !page.contains("old\r\n"), "{page}");
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_page() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let (there, not_there) = (folder.path().join("there.html"), folder.path().join("not-there.md"));
    write_long_ago(&there, "");
    symlink("there.html", folder.path().join("hop")).unwrap();
    symlink("hop", journal.page(PageKind::Html)).unwrap();
    symlink(&not_there, journal.page(PageKind::Markdown)).unwrap();
    journal.publish().unwrap();
    for (kind, target) in [(PageKind::Html, there), (PageKind::Markdown, not_there)] {
        assert!(fs::symlink_metadata(journal.page(kind)).unwrap().is_symlink());
        assert!(fs::read_to_string(target).unwrap().contains("t_52cac9ce"));
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_project_is_not_followed() {
    let (project, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let state = project.path().join("state");
    fs::create_dir(&state).unwrap();
    let mut journal = journal(&state);
    let of_others = elsewhere.path().join("profile");
    write_long_ago(&of_others, "export A=1\n");
    std::os::unix::fs::symlink(&of_others, journal.page(PageKind::Markdown)).unwrap();
    let error = journal.publish().unwrap_err();
    assert!(error.to_string().contains("outside of the project: take the link away"), "{error}");
    assert_eq!(fs::read_to_string(of_others).unwrap(), "export A=1\n");
    assert!(journal.page(PageKind::Html).is_file(), "the other page is made all the same");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_page_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let page = journal.page(PageKind::Markdown);
    assert!(std::process::Command::new("mkfifo").arg(&page).status().unwrap().success());
    let error = journal.publish().unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {}", page.display()));
}

#[cfg(unix)]
#[test]
fn a_page_keeps_its_mode_and_one_that_nobody_may_write_stays() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let [markdown, html] = PageKind::ALL.map(|kind| journal.page(kind));
    for (path, mode) in [(&markdown, 0o444), (&html, 0o664)] {
        write_long_ago(path, "<p>ours</p>\n");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let error = journal.publish().unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {}", markdown.display()));
    assert_eq!(fs::read_to_string(&markdown).unwrap(), "<p>ours</p>\n");
    assert!(
        fs::read_to_string(&html).unwrap().contains("t_52cac9ce"),
        "the other one is written all the same"
    );
    assert_eq!(fs::metadata(&html).unwrap().permissions().mode() & 0o777, 0o664);
}

#[test]
fn a_page_that_is_written_right_now_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let path = journal.page(PageKind::Markdown);
    // A worker has emptied its page, and is about to fill it.
    let mut file = File::create(&path).unwrap();
    let (started, wait) = std::sync::mpsc::channel();
    let publishing = std::thread::spawn(move || {
        started.send(()).unwrap();
        journal.publish().unwrap();
    });
    wait.recv().unwrap();
    std::io::Write::write_all(&mut file, NOTES.as_bytes()).unwrap();
    drop(file);
    publishing.join().unwrap();
    let page = fs::read_to_string(&path).unwrap();
    assert!(page.starts_with(NOTES) && page.contains("t_52cac9ce"), "{page}");
}

#[test]
fn an_empty_page_is_left_to_whoever_is_about_to_fill_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let path = journal.page(PageKind::Html);
    fs::write(&path, "").unwrap();
    let error = journal.publish().unwrap_err();
    let expected =
        format!("{} is being written by somebody else; the next round brings it up to date", path.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert!(journal.page(PageKind::Markdown).exists(), "the other one is written all the same");
    write_long_ago(&path, "");
    journal.publish().unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("t_52cac9ce"));
}

#[test]
fn a_page_is_whole_whenever_its_writer_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let [markdown, html] = PageKind::ALL.map(|kind| Journal::open(folder.path()).page(kind));
    let then = [write_long_ago(&markdown, NOTES), write_long_ago(&html, FOREIGN)];
    let mut all = 0;
    for round in 1..=6 {
        let mut writer = start(folder.path(), "writer", usize::MAX);
        all += kept(&mut writer).take(round).count();
        writer.kill().unwrap();
        writer.wait().unwrap();
        let pages = [&markdown, &html].map(|path| fs::read_to_string(path).unwrap());
        assert!(
            pages[0].starts_with(NOTES) && pages[0].ends_with("<!-- pool-watchdog:end -->\n"),
            "{}",
            pages[0]
        );
        assert!(pages[1].ends_with("<!-- pool-watchdog:end -->\n</body>\n</html>\n"), "{}", pages[1]);
        assert_eq!([modified(&markdown), modified(&html)], then);
    }
    let entries = Journal::open(folder.path()).entries().unwrap().map(Result::unwrap).count();
    assert!(entries >= all, "{entries} of {all} that were kept");
}
