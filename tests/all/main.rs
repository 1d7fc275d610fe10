//! What only the whole can show, through the binaries and the files that people use.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod canary;
mod changes;
#[cfg(unix)]
mod codex;
mod commands;
mod contract;
#[cfg(target_os = "linux")]
mod crashes;
#[cfg(target_os = "linux")]
mod disks;
mod doctor;
mod documents;
mod errors;
mod exec;
mod explain;
#[cfg(target_os = "linux")]
mod hermes_board;
mod homes;
mod incident;
#[cfg(target_os = "linux")]
mod kanban;
mod killed;
#[cfg(target_os = "linux")]
mod killed_anywhere;
mod login;
mod migration;
#[cfg(target_os = "linux")]
mod mounts;
mod oidc;
mod openid_provider;
#[cfg(target_os = "linux")]
mod photo;
#[cfg(unix)]
mod processes;
mod profiles;
#[cfg(unix)]
mod races;
#[cfg(target_os = "linux")]
mod real_disks;
mod refresh;
mod renewal;
mod replay;
mod reports;
mod request;
#[cfg(target_os = "linux")]
mod scenarios;
mod shells;
mod skipped;
mod sources;
#[cfg(target_os = "linux")]
mod strace;
mod support;
mod token_server;
#[cfg(target_os = "linux")]
mod watchdog;
