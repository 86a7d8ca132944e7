//! The page of an earlier share, and what its owner reads of it.

use std::collections::{BTreeMap, BTreeSet};

use fake_aws::{FakeAws, Object, Operation};
use s3_link_signer::Handler;
use serde_json::{Value, json};

use super::fixtures::{Share, assert_has, shares};
use super::function::{Request, call, function, path_of, send, show};

/// This version, with a table that has all shares of earlier ones, and with their files.
pub(crate) struct Upgraded {
    pub(crate) aws: FakeAws,
    functions: BTreeMap<String, Handler>,
}

impl Upgraded {
    pub(crate) async fn start() -> Self {
        let aws = FakeAws::start().await;
        let mut functions = BTreeMap::new();
        for share in shares().into_values() {
            let size = share.item["size"]["N"].as_str().unwrap().parse().unwrap();
            let key = share.item["key"]["S"].as_str().unwrap().to_owned();
            let mut file = Object::of_size(size);
            if let Some(version_id) = share.item.get("version_id") {
                file = file.version(version_id["S"].as_str());
            }
            aws.put_object("files", &key, file);
            let function = |environment: &String| function(environment, &aws.endpoint());
            functions.entry(share.environment).or_insert_with_key(function);
        }
        let upgraded = Self { aws, functions };
        upgraded.begin_anew();
        upgraded
    }

    /// Puts all shares into the table as they were.
    pub(crate) fn begin_anew(&self) {
        let items = shares().into_values().map(|share| (share.id().to_owned(), share.item));
        *self.aws.state().items("shares") = items.collect();
    }

    /// Leaves the table the index that an earlier version made.
    fn forget_later_indexes(&self) {
        let mut state = self.aws.state();
        let table = state.tables.get_mut("shares").unwrap();
        table.indexes.retain(|name, _| *name == "by-owner");
    }

    /// The function that answers for a share.
    pub(crate) fn function(&self, share: &Share) -> &Handler {
        &self.functions[&share.environment]
    }

    /// An attribute of the share's item as it is now. `Null`: it has none.
    pub(crate) fn attribute(&self, share: &Share, name: &str) -> Value {
        let mut state = self.aws.state();
        state.items("shares")[share.id()].get(name).cloned().unwrap_or_default()
    }

    /// A request about a share of its owner.
    pub(crate) async fn manage(&self, share: &Share, method: &str, body: &Value) -> (u64, Value) {
        let path = share.managed_at();
        let answer = call(self.function(share), &share.owner, method, &path, body).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }
}

#[tokio::test]
async fn an_earlier_address_shows_what_it_showed() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares() {
        let shown = show(upgraded.function(&share), &share.url).await;
        assert_eq!(shown.status, share.shown.status, "{name}: {shown:?}");
        let mut expected = share.shown.fields.clone();
        if !share.is_of_a_mail() {
            // It was an id, which nobody is shown any more.
            expected.as_object_mut().unwrap().remove("owner");
            assert_eq!(shown.json().get("owner"), None, "{name}");
        }
        assert_has(&shown.json(), &expected, &name);
        // Nothing is written.
        let mut state = upgraded.aws.state();
        assert_eq!(state.items("shares")[share.id()], share.item, "{name}");
    }
}

#[tokio::test]
async fn the_page_names_the_sender_of_a_mail_and_the_file_and_asks_for_a_passcode() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares() {
        let headers = json!({"accept": "text/html"});
        let request = Request { path: path_of(&share.url), headers, ..Request::default() };
        let page = send(upgraded.function(&share), request).await;
        assert_eq!(page.status, share.shown.status, "{name}");
        let facts = &share.shown.fields;
        let owner = facts["owner"].as_str().filter(|_| share.is_of_a_mail());
        for field in [owner, facts["name"].as_str()].into_iter().flatten() {
            assert!(page.body.contains(field), "{name}: {}", page.body);
        }
        let asks = facts["wants_passcode"] == true && facts.get("locked_until").is_none();
        assert_eq!(page.body.contains("type=\"password\""), asks, "{name}: {}", page.body);
    }
}

#[tokio::test]
async fn an_owner_reads_an_earlier_share_and_nobody_else_does() {
    let upgraded = Upgraded::start().await;
    for (name, share) in shares() {
        let (status, read) = upgraded.manage(&share, "GET", &Value::Null).await;
        assert_eq!(status, 200, "{name}: {read}");
        assert_has(&read, &share.read, &name);
        for other in [
            json!({"jwt": {"claims": {"sub": "mallory", "tenant": "acme"}}}),
            json!({"iam": {"userArn": "arn:aws:iam::123456789012:user/alice"}}),
        ] {
            // Whoever may share a mail's file may read its share.
            if !share.is_of_a_mail() {
                let others = Share { owner: other, ..share.clone() };
                assert_eq!(upgraded.manage(&others, "GET", &Value::Null).await.0, 404, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn an_owner_lists_earlier_shares_and_a_mail_s_are_on_nobody_s_list() {
    let upgraded = Upgraded::start().await;
    lists_are_right(&upgraded).await;
}

#[tokio::test]
async fn an_owner_s_list_is_the_same_while_the_table_has_the_earlier_index_alone() {
    let upgraded = Upgraded::start().await;
    upgraded.forget_later_indexes();
    lists_are_right(&upgraded).await;
    let calls = upgraded.aws.take_calls();
    assert!(calls.iter().all(|call| call.operation != Operation::BatchGetItem));
}

/// Each owner's list has all of that owner's shares, page by page.
async fn lists_are_right(upgraded: &Upgraded) {
    let all = shares();
    for share in all.values() {
        let mut listed = BTreeMap::new();
        let mut query = "limit=2".to_owned();
        loop {
            let (principal, query_now) = (share.owner.clone(), query.clone());
            let path = format!("{}/shares", share.base_path());
            let request =
                Request { principal, path: &path, query: &query_now, ..Request::default() };
            let page = send(upgraded.function(share), request).await.json();
            for share in page["shares"].as_array().unwrap() {
                let id = share["share_id"].as_str().unwrap().to_owned();
                assert!(listed.insert(id, share.clone()).is_none(), "{share} is listed twice");
            }
            let Some(next) = page["next"].as_str() else { break };
            query = format!("limit=2&cursor={next}");
        }
        let of_the_same_owner = |other: &&Share| {
            !other.is_of_a_mail() && other.item["owner_key"] == owner_key(&share.owner)
        };
        let expected: BTreeSet<_> = all.values().filter(of_the_same_owner).map(Share::id).collect();
        assert_eq!(listed.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
        for (name, other) in &all {
            if let Some(listed) = listed.get(other.id())
                && other.environment == share.environment
            {
                assert_has(listed, &other.read, name);
            }
        }
    }
}

/// An owner's key as the index of earlier versions has it.
fn owner_key(principal: &Value) -> Value {
    let name = |pointer: &str| principal.pointer(pointer).and_then(Value::as_str);
    let token = name("/jwt/claims/sub").or_else(|| name("/lambda/principalId"));
    let key = match (name("/iam/userArn"), token) {
        (Some(arn), _) => format!("iam#{arn}"),
        (None, token) => format!("token#{}", token.unwrap()),
    };
    json!({"S": key})
}
