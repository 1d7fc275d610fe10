//! Disks that are really full, read-only or closed, where the machine allows to make such: what strace plays in `disks`.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::mounts::Mounts;
use crate::photo::Photo;
use crate::processes::Process;
use crate::scenarios::known_words;
use crate::skipped::skipped;
use crate::support::{Home, LEGACY_STORE, Ran};

const PAGE: usize = 4096;

/// A home on a small disk of its own.
struct SmallDisk {
    home: Home,
    mounts: Mounts,
}

impl SmallDisk {
    /// With `options` of a tmpfs, such as its size.
    fn with(options: &str, store: &str) -> Option<Self> {
        let home = Home::empty();
        let mounts = Mounts::of(home.path(), &format!("mount -t tmpfs -o mode=700,{options} none \"$1\""))?;
        let disk = Self { home, mounts };
        put(&disk.at("auth.json"), store.as_bytes());
        Some(disk)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.mounts.outside(&self.home.path().join(name))
    }

    fn photo(&self) -> Photo {
        Photo::of(&self.at("")).without_locks()
    }

    fn pool(&self, words: &str) -> Ran {
        let mut command = self.home.command(&self.mounts.by(), Home::program("pool"));
        command.args(words.split(' ')).args(["--now", "2026-05-26T12:00:00Z"]).env("KEY", "a-new-key");
        Ran::of(command)
    }

    fn agent(&self) -> Process {
        Process::start(
            self.home.command(&self.mounts.by(), env!("CARGO_BIN_EXE_agent")).arg(self.home.store()),
        )
    }

    /// Uses up what is left of the disk, but for so many pages.
    fn fill(&self, but_for: usize) {
        let mut filler = open(&self.at("filler"));
        let mut pages = 0;
        while filler.write_all(&[0; PAGE]).is_ok() {
            pages += 1;
        }
        filler.set_len(((pages - but_for) * PAGE) as u64).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays a user")]
    fn make_room(&self) {
        fs::remove_file(self.at("filler")).unwrap();
    }

    fn record(&self, id: &str) -> Value {
        let store: Value = serde_json::from_slice(&fs::read(self.at("auth.json")).unwrap()).unwrap();
        store["credential_pool_runtime"]["acme"][id].clone()
    }
}

fn put(path: &Path, bytes: &[u8]) {
    let mut file = open(path);
    file.write_all(bytes).unwrap();
    file.set_permissions(Permissions::from_mode(0o600)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the test plays another program")]
fn open(path: &Path) -> fs::File {
    fs::File::create(path).unwrap()
}

fn store_with_two_keys() -> String {
    let key = |id: &str| json!({"id": id, "source": "manual", "access_token": format!("the-key-of-{id}")});
    json!({"version": 1, "credential_pool": {"acme": [key("first"), key("second")]}}).to_string()
}

const ADD: &str = "add openrouter --secret-env KEY";

/// What a user is told who adds a key, which is not added.
fn refusal(disk: &SmallDisk) -> String {
    let before = disk.photo();
    let ran = disk.pool(ADD);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(disk.photo() == before, "{before:?} {:?}", disk.photo());
    known_words(&disk.home, &ran.err)
}

#[test]
fn a_full_disk_leaves_the_store_as_it_was() {
    let mut told = BTreeSet::new();
    for pages_left in 0..3 {
        let Some(disk) = SmallDisk::with("size=64k", LEGACY_STORE) else { return };
        disk.fill(pages_left);
        told.insert(refusal(&disk));
        disk.make_room();
        disk.pool(ADD).succeeded();
    }
    insta::assert_snapshot!(told.into_iter().collect::<String>(), @r#"
    error: cannot write HOME/auth.json
      caused by: No space left on device (os error 28)
    hint: make room on that disk, then run the command again
    "#);
}

#[test]
fn a_disk_without_inodes_leaves_the_store_as_it_was() {
    let Some(disk) = SmallDisk::with("nr_inodes=8", LEGACY_STORE) else { return };
    disk.pool("reset openai-codex").succeeded();
    for number in 0.. {
        #[expect(clippy::disallowed_methods, reason = "the test plays another program")]
        match fs::File::create(disk.at(&format!("filler{number}"))) {
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            created => drop(created.unwrap()),
        }
    }
    insta::assert_snapshot!(refusal(&disk), @r#"
    error: cannot write HOME/auth.json
      caused by: No space left on device (os error 28) at path "HOME/.auth.json.pool-XXXXXX.tmp"
    hint: make room on that disk, then run the command again
    "#);
}

#[test]
fn a_read_only_disk_is_read_and_left_as_it_was() {
    let Some(disk) = SmallDisk::with("size=64k", LEGACY_STORE) else { return };
    disk.pool("reset openai-codex").succeeded();
    let mut remount = disk.home.command(&disk.mounts.by(), "mount");
    remount.args(["-o", "remount,bind,ro"]).arg(disk.home.path());
    assert_eq!(Ran::of(remount).code, 0);
    insta::assert_snapshot!(refusal(&disk), @r#"
    error: cannot open the lock HOME/auth.lock
      caused by: Read-only file system (os error 30)
    hint: have that disk mounted for writing
    "#);
    insta::assert_snapshot!(disk.pool("pick openai-codex").succeeded(), @"b31573 second-account");
}

#[test]
fn a_store_that_is_a_mount_of_its_own_is_left_as_it_was() {
    let home = Home::with_store(LEGACY_STORE);
    put(&home.path().join("mounted.json"), LEGACY_STORE.as_bytes());
    let Some(mounts) = Mounts::of(home.path(), "mount --bind \"$1/mounted.json\" \"$1/auth.json\"") else {
        return;
    };
    let disk = SmallDisk { home, mounts };
    insta::assert_snapshot!(refusal(&disk), @r#"
    error: cannot replace HOME/auth.json
      caused by: Device or resource busy (os error 16)
    hint: a file that is mounted by itself cannot be replaced: mount its folder instead
    "#);
}

#[test]
fn a_store_of_somebody_else_is_left_as_it_was() {
    let home = Home::with_store(LEGACY_STORE);
    let pool = home.path().join("pool");
    #[expect(clippy::disallowed_methods, reason = "where anybody may run it")]
    fs::copy(Home::program("pool"), &pool).unwrap();
    for path in [home.path(), &home.store()] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let run = |words: &str| {
        let mut command = home.command(&as_nobody, pool.to_str().unwrap());
        command.args(words.split(' ')).env("KEY", "a-new-key");
        Ran::of(command)
    };
    if !Command::new(as_nobody[0])
        .args(&as_nobody[1..])
        .arg("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        return skipped("nobody may become another user here");
    }
    let before = Photo::of(home.path());
    let mut told = run(ADD).err;
    put(&home.path().join("auth.lock"), b"");
    fs::set_permissions(home.path().join("auth.lock"), Permissions::from_mode(0o666)).unwrap();
    told += &run(ADD).err;
    insta::assert_snapshot!(known_words(&home, &told), @r#"
    warning: others may read HOME/auth.json; the next write makes it 0600
    error: cannot open the lock HOME/auth.lock
      caused by: Permission denied (os error 13)
    hint: run it as the owner of the store and of its folder
    warning: others may read HOME/auth.json; the next write makes it 0600
    error: cannot write HOME/auth.json
      caused by: Permission denied (os error 13) at path "HOME/.auth.json.pool-XXXXXX.tmp"
    hint: run it as the owner of the store and of its folder
    "#);
    assert!(Photo::of(home.path()).without_locks() == before);
}

// --- What a process knows and cannot write ---

#[test]
fn a_death_that_a_full_disk_refuses_holds_and_goes_with_the_next_write() {
    let Some(disk) = SmallDisk::with("size=64k", &store_with_two_keys()) else { return };
    let mut agent = disk.agent();
    disk.fill(0);
    let before = disk.photo();
    let told = agent.tell("kill first x");
    assert!(
        told.starts_with("error: the verdict holds in this process, but is not saved: cannot write "),
        "{told}"
    );
    assert_eq!(agent.tell("pick 1000"), "second");
    assert!(disk.photo() == before);

    disk.make_room();
    assert_eq!(agent.tell("pick 1000"), "second");
    assert_eq!(agent.tell("rest second 600"), "done");
    assert_eq!(disk.record("first")["status"], "dead");
    insta::assert_snapshot!(agent.finish().trim(), @r#"WARN a credential died provider=acme id=first label="manual" reason="token_revoked""#);
}

#[test]
fn a_death_that_a_closed_folder_refuses_holds_and_goes_with_the_next_write() {
    let home = Home::with_store(&store_with_two_keys());
    let close = |mode| fs::set_permissions(home.path(), Permissions::from_mode(mode)).unwrap();
    let mut agent = Process::agent(&home);
    close(0o500);
    let before = Photo::of(home.path());
    let told = agent.tell("kill first x");
    insta::assert_snapshot!(home.redact(&told), @"error: the verdict holds in this process, but is not saved: HOME is read-only");
    assert_eq!(agent.tell("pick 1000"), "second");
    assert!(Photo::of(home.path()) == before);

    close(0o700);
    assert_eq!(agent.tell("rest second 600"), "done");
    let listed = home.pool("list acme").succeeded();
    assert!(listed.contains("DEAD: token_revoked (401)"), "{listed}");
}

#[test]
fn counters_that_a_full_disk_refuses_are_lost_with_a_warning() {
    let Some(disk) = SmallDisk::with("size=64k", &store_with_two_keys()) else { return };
    let mut agent = disk.agent();
    disk.fill(0);
    let before = disk.photo();
    assert_eq!(agent.tell("count first"), "done");
    let log = agent.finish();
    insta::assert_snapshot!(disk.home.redact(&log).trim(), @"WARN counters of this process are lost error=cannot write HOME/auth.json");
    assert!(disk.photo() == before);
}
