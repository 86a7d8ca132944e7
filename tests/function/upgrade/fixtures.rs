//! What an earlier version wrote, as the files in `written-by-…/` have it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fake_aws::Item;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::function::path_of;

/// Where the files are, below `tests/upgrade/`.
const FOLDER: &str = "written-by-2997971";

/// When most of it was written. What was written earlier or later is a few minutes away.
pub(crate) const WRITTEN_AT: &str = "2026-11-23T13:05:17.25Z";

/// When the answers in the files were given: some browsers' ten minutes are not over, and the lease of
/// one mail holds.
pub(crate) const ANSWERED_AT: &str = "2026-11-23T13:11:57.25Z";

/// A share.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Share {
    /// The environment of the function that answered.
    pub(crate) environment: String,
    /// Its owner as the gateway's authorizer names it. Of a mail's share: whoever may share the file.
    pub(crate) owner: Value,
    pub(crate) url: String,
    pub(crate) passcode: Option<String>,
    /// The cookie of a browser whose download was counted.
    pub(crate) cookie: Option<String>,
    /// What the address answered.
    pub(crate) shown: Answer,
    /// What the owner read.
    pub(crate) read: Value,
    /// What a press got, with the passcode and without a cookie.
    pub(crate) pressed: Answer,
    /// The window of the link that a press got, in seconds.
    pub(crate) window: Option<String>,
    pub(crate) item: Item,
}

/// What of an answer must stay. Sentences may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    /// Fields of the body.
    pub(crate) fields: Value,
}

/// A mail of the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mail {
    /// The environment of the function that mailed.
    pub(crate) environment: String,
    /// S3's notification.
    pub(crate) event: Value,
    pub(crate) version_id: Option<String>,
    /// The recipients that the file's metadata names.
    pub(crate) link_to: Option<String>,
    /// What becomes of the event when it is delivered again.
    pub(crate) delivered_again: Delivered,
    /// The mail that went out, line by line.
    pub(crate) mime: Option<Vec<String>>,
    pub(crate) item: Item,
}

/// What becomes of an event that is delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Delivered {
    /// The mail went out before. The event is done.
    Already,
    /// Another invocation may be mailing. The event comes back later.
    Later,
    /// The mail goes out now.
    Now,
}

/// A request for a link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) principal: Value,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) answer: Answer,
}

impl Share {
    pub(crate) fn id(&self) -> &str {
        self.item["id"]["S"].as_str().unwrap()
    }

    /// The path at which its owner reads and changes it.
    pub(crate) fn managed_at(&self) -> String {
        format!("{}/shares/{}", self.base_path(), self.id())
    }

    /// What stands before the routes in the paths of requests.
    pub(crate) fn base_path(&self) -> &str {
        path_of(&self.url).split_once("/s/").unwrap().0
    }

    /// Whether a press with the passcode gets the file.
    pub(crate) fn opens(&self) -> bool {
        self.pressed.status == 303
    }

    pub(crate) fn is_of_a_mail(&self) -> bool {
        self.item["owner_kind"]["S"] == "s3-event"
    }
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade").join(FOLDER).join(name)
}

pub(crate) fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The files of a folder by their names, without what comes after the dot.
pub(crate) fn all<T: DeserializeOwned>(folder: &str) -> BTreeMap<String, T> {
    let files = std::fs::read_dir(path(folder)).unwrap().map(|file| file.unwrap().path());
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, value)
    };
    let files: BTreeMap<_, _> = files.map(read).collect();
    assert!(!files.is_empty(), "{folder} is empty");
    files
}

/// All shares by their names.
pub(crate) fn shares() -> BTreeMap<String, Share> {
    all("shares")
}

/// Whether all of `earlier` is in `now`. `now` may have more fields.
pub(crate) fn assert_has(now: &Value, earlier: &Value, what: &str) {
    for (name, value) in earlier.as_object().unwrap() {
        assert_eq!(now.get(name), Some(value), "{what}: {name} of {now}");
    }
}
