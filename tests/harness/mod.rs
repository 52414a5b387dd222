//! The ground the end-to-end tests stand on: a forge, a witness in front of it, the built proxy, and real git.
//!
//! A test starts a [`World`] and speaks to it with git or by hand. When the world ends, it checks by itself that
//! the proxy stopped in order, did not panic, and let nothing slip into its logs, its data or the upstream.

pub(crate) mod canaries;
mod certificates;
mod forbidden;
mod gate;
mod git;
mod http1;
mod raw;
mod receive_pack;
mod refusal;
mod secrets;
mod server;
mod stub;
mod told;
mod witness;
mod world;

pub(crate) use certificates::{Authority, Identity, authority, stranger};
pub(crate) use gate::Gate;
pub(crate) use git::{Git, Run, clean, gits, run, run_program};
pub(crate) use http1::Message;
pub(crate) use raw::{Answer, Client};
pub(crate) use receive_pack::{Report, ZERO, chunked, flush, head, pack_of, packet, report};
pub(crate) use refusal::{assert_refused, assert_refused_by_hand, remote_lines};
pub(crate) use secrets::{chance, github_token, incompressible, prose};
pub(crate) use server::PROVEN;
pub(crate) use stub::Stub;
pub(crate) use told::{by_letters, by_remote};
pub(crate) use witness::Witness;
pub(crate) use world::{Options, World};

use std::sync::LazyLock;

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime for the tests' own servers")
});

/// The one runtime the tests' own servers share; the tests themselves are plain functions.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    &RUNTIME
}

/// The built binary.
pub(crate) const EXEAT: &str = env!("CARGO_BIN_EXE_exeat");
