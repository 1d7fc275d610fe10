//! The table that `docs/watchdog.md` shows is the one that decides.
//!
//! `UPDATE_DOCS=1 cargo test -p pool-watchdog --test decisions` writes it down; read the difference before you commit it.

use std::path::Path;

use pool_watchdog::TABLE;

const BEGIN: &str = "<!-- decisions -->\n";
const END: &str = "<!-- end of decisions -->\n";

#[test]
#[expect(clippy::disallowed_methods, reason = "the docs are read, and rewritten when asked for")]
fn the_page_shows_the_table_that_decides() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/watchdog.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let shown = format!("{before}{BEGIN}\n{}\n{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return std::fs::write(&path, shown).unwrap();
    }
    assert!(
        text == shown,
        "docs/watchdog.md has another table; run with UPDATE_DOCS=1 and read the difference"
    );
}

fn table() -> String {
    let mut table = "| row | when | action | why |\n| --- | --- | --- | --- |\n".to_owned();
    for row in TABLE {
        table += &format!("| `{}` | {} | `{}` | {} |\n", row.name, row.when, row.action, row.reason);
    }
    table
}
