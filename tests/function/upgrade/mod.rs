//! What an earlier version wrote is read by this one. `tests/upgrade/written-by-…/` holds what it wrote,
//! and its README says how. Nothing there is ever changed.
//!
//! - `environments`: settings. Each starts the function, or is refused with a sentence that says what
//!   to write instead,
//! - `links`: what grants give,
//! - `parameters`: the template's parameters and tables,
//! - `shown`, `pressed`, `managed`: shares are shown and downloaded by whoever has their addresses, and
//!   listed, changed and revoked by their owners and by operators,
//! - `owners`: owners that this version stores in another way,
//! - `mails`: the ledger, and the addresses in mails,
//! - `record`: writes what this version writes, for another folder. It is ignored unless asked for:
//!   `cargo test --locked --test function -- --ignored`.
//!
//! The tests know the function by its settings, its events and its answers alone.

mod environments;
mod fixtures;
mod function;
mod links;
mod mails;
mod managed;
mod owners;
mod parameters;
mod pressed;
mod record;
mod shown;
