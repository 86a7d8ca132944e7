//! Which part of the API answers a request. The table of routes also makes the texts of 404 and 405.
//!
//! The router is a loop over the table: fourteen routes need no more.

use std::borrow::Cow;

use super::uploads::UploadRoute;
use super::{Problem, Request};
use crate::shares::Shares;
use crate::uploads::Uploads;

/// What answers a request, with what the request's path says.
#[derive(Debug)]
pub(super) enum Route<'a> {
    /// One link.
    Links,
    /// Many links.
    Batch,
    /// A redirect to a link, for browsers.
    Download,
    /// Who signs, and what could be promised now.
    Session,
    /// Something about shares.
    Shares(&'a Shares, ShareRoute),
    /// Something about uploads.
    Uploads(&'a Uploads, UploadRoute),
}

/// What is switched on besides links.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Features<'a> {
    /// `None`: shares are off.
    pub(crate) shares: Option<&'a Shares>,
    /// `None`: uploads are off.
    pub(crate) uploads: Option<&'a Uploads>,
}

/// What is wanted of shares. The texts are segments of the path as the caller wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShareRoute {
    /// A new share.
    Create,
    /// The caller's shares.
    List,
    /// The share of this id.
    Get(String),
    /// Changes of the share of this id.
    Change(String),
    /// The end of the share of this id.
    Revoke(String),
    /// What is behind the address with this token, for anyone.
    Page(String),
    /// A press of the button there.
    Press(String),
}

/// A row of the table of routes.
struct Row {
    method: &'static str,
    /// The path, in which `{name}` stands for one segment that is not empty.
    path: &'static str,
    target: Target,
}

/// What a row leads to.
enum Target {
    /// This route.
    Always(fn() -> Route<'static>),
    /// This route, where there are shares. It gets the segment that stands for `{name}`.
    WithShares(fn(String) -> ShareRoute),
    /// This route, where there are uploads.
    WithUploads(UploadRoute),
}

/// Every route, in the order in which a 404 lists them. A path may stand here once per method.
const ROUTES: &[Row] = &[
    Row { method: "POST", path: "/links", target: Target::Always(|| Route::Links) },
    Row { method: "POST", path: "/links/batch", target: Target::Always(|| Route::Batch) },
    Row { method: "GET", path: "/download", target: Target::Always(|| Route::Download) },
    Row { method: "GET", path: "/session", target: Target::Always(|| Route::Session) },
    Row { method: "POST", path: "/shares", target: Target::WithShares(|_| ShareRoute::Create) },
    Row { method: "GET", path: "/shares", target: Target::WithShares(|_| ShareRoute::List) },
    Row { method: "GET", path: "/shares/{share_id}", target: Target::WithShares(ShareRoute::Get) },
    Row {
        method: "PATCH",
        path: "/shares/{share_id}",
        target: Target::WithShares(ShareRoute::Change),
    },
    Row {
        method: "DELETE",
        path: "/shares/{share_id}",
        target: Target::WithShares(ShareRoute::Revoke),
    },
    Row { method: "GET", path: "/s/{token}", target: Target::WithShares(ShareRoute::Page) },
    Row { method: "HEAD", path: "/s/{token}", target: Target::WithShares(ShareRoute::Page) },
    Row { method: "POST", path: "/s/{token}", target: Target::WithShares(ShareRoute::Press) },
    Row { method: "POST", path: "/uploads", target: Target::WithUploads(UploadRoute::Begin) },
    Row { method: "POST", path: "/uploads/sign", target: Target::WithUploads(UploadRoute::Sign) },
];

/// The route of `request`. Where shares or uploads are off, their routes are none.
///
/// # Errors
///
/// [`Problem::NoSuchRoute`] and [`Problem::MethodNotAllowed`].
pub(super) fn find<'a>(request: &Request, features: Features<'a>) -> Result<Route<'a>, Problem> {
    let rows = || ROUTES.iter().filter(|row| row.target.is_on(features));
    for path in request.readings.iter().chain([&request.path]) {
        let mut allow = Vec::new();
        for row in rows() {
            let Some(segment) = row.segment(path) else { continue };
            if row.method != request.method {
                allow.push(row.method);
            } else if let Some(route) = row.target.route(features, segment) {
                return Ok(route);
            }
        }
        if !allow.is_empty() {
            return Err(Problem::MethodNotAllowed { allow });
        }
    }
    let mut paths = request.readings.iter().chain([&request.path]);
    let off = paths.find_map(|path| ROUTES.iter().find(|row| row.segment(path).is_some()));
    let routes = match off.map(|row| &row.target) {
        Some(Target::WithShares(_)) => {
            "Shares are off here: the operator switches them on with SHARES_TABLE, or ShareLinks=yes in the \
             template."
                .to_owned()
        }
        Some(Target::WithUploads(_)) => {
            "Uploads are off here: the operator switches them on with UPLOAD_ROLE_ARN, or Uploads=yes in the \
             template."
                .to_owned()
        }
        Some(Target::Always(_)) | None => format!("The routes are {}.", list(rows())),
    };
    Err(Problem::no_such_route(&without_token(&request.path), &routes))
}

/// Whether the request is one to the address of a share, whatever its method.
pub(super) fn is_to_an_address(request: &Request) -> bool {
    let mut paths = request.readings.iter().chain([&request.path]);
    let route = paths.find_map(|path| ROUTES.iter().find(|row| row.segment(path).is_some()));
    route.is_some_and(|row| row.path.starts_with("/s/"))
}

impl Row {
    /// The segment of `path` that stands for `{name}`, empty where the row has none. `None` if `path` is
    /// not this row's.
    fn segment(&self, path: &str) -> Option<String> {
        // A token is whatever stands behind `/s/`, because people paste more than the address.
        if let Some(before) = self.path.strip_suffix("{token}") {
            let token = path.strip_prefix(before).filter(|token| !token.is_empty());
            return token.map(str::to_owned);
        }
        if self.path.split('/').count() != path.split('/').count() {
            return None;
        }
        let mut named = String::new();
        for (pattern, segment) in self.path.split('/').zip(path.split('/')) {
            if pattern.starts_with('{') && !segment.is_empty() {
                segment.clone_into(&mut named);
            } else if pattern != segment {
                return None;
            }
        }
        Some(named)
    }
}

impl Target {
    fn is_on(&self, features: Features<'_>) -> bool {
        match self {
            Self::Always(_) => true,
            Self::WithShares(_) => features.shares.is_some(),
            Self::WithUploads(_) => features.uploads.is_some(),
        }
    }

    fn route<'a>(&self, features: Features<'a>, segment: String) -> Option<Route<'a>> {
        match self {
            Self::Always(route) => Some(route()),
            Self::WithShares(route) => Some(Route::Shares(features.shares?, route(segment))),
            Self::WithUploads(route) => Some(Route::Uploads(features.uploads?, *route)),
        }
    }
}

/// The path without what stands behind `/s/`. It may be a share's token, which no error repeats.
fn without_token(path: &str) -> Cow<'_, str> {
    match path.to_ascii_lowercase().find("/s/") {
        Some(at) => Cow::Owned(format!("{}…", &path[..at + "/s/".len()])),
        None => Cow::Borrowed(path),
    }
}

/// All routes in words: `POST /links, POST /links/batch and GET /session`.
fn list<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let routes: Vec<_> = rows.map(|row| format!("{} {}", row.method, row.path)).collect();
    match routes.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Client;
    use super::*;
    use crate::shares::Shares;

    fn request(method: &str, path: &str) -> Request {
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            readings: Vec::new(),
            query: Vec::new(),
            body: Vec::new(),
            client: Client::default(),
        }
    }

    fn with(shares: &Shares) -> Features<'_> {
        Features { shares: Some(shares), uploads: None }
    }

    /// The share's route of a path, where there are shares.
    fn share_route(method: &str, path: &str) -> Option<ShareRoute> {
        match find(&request(method, path), with(&Shares::of_no_table())).ok()? {
            Route::Shares(_, route) => Some(route),
            _ => None,
        }
    }

    #[test]
    fn every_route_is_found_by_its_method_and_path() {
        let shares = Shares::of_no_table();
        for row in ROUTES {
            let path = row.path.replace(['{', '}'], "");
            let request = request(row.method, &path);
            if matches!(row.target, Target::WithUploads(_)) {
                let problem = find(&request, with(&shares)).unwrap_err();
                assert!(problem.detail().contains("Uploads are off here"), "{}", problem.detail());
                continue;
            }
            assert!(find(&request, with(&shares)).is_ok(), "{path}");
            let is_of_shares = path.starts_with("/s/") || path.starts_with("/shares");
            assert_eq!(find(&request, Features::default()).is_err(), is_of_shares, "{path}");
        }
        assert!(matches!(find(&request("POST", "/links"), Features::default()), Ok(Route::Links)));
        assert!(matches!(
            find(&request("POST", "/links/batch"), Features::default()),
            Ok(Route::Batch)
        ));
        assert!(matches!(
            find(&request("GET", "/download"), Features::default()),
            Ok(Route::Download)
        ));
        assert!(matches!(
            find(&request("GET", "/session"), Features::default()),
            Ok(Route::Session)
        ));
    }

    #[test]
    fn a_route_of_shares_has_the_segment_of_its_path() {
        let seven = || "7".to_owned();
        for (method, path, route) in [
            ("POST", "/shares", ShareRoute::Create),
            ("GET", "/shares", ShareRoute::List),
            ("GET", "/shares/7", ShareRoute::Get(seven())),
            ("PATCH", "/shares/7", ShareRoute::Change(seven())),
            ("DELETE", "/shares/7", ShareRoute::Revoke(seven())),
            ("GET", "/s/7", ShareRoute::Page(seven())),
            ("HEAD", "/s/7", ShareRoute::Page(seven())),
            ("POST", "/s/7", ShareRoute::Press(seven())),
            ("POST", "/s/7/", ShareRoute::Press("7/".to_owned())),
            ("GET", "/s/7/8.", ShareRoute::Page("7/8.".to_owned())),
        ] {
            assert_eq!(share_route(method, path), Some(route), "{method} {path}");
        }
        for path in ["/s/", "/s", "/shares/7/8", "/shares/", "/", "", "shares/7", "/shares//7"] {
            assert_eq!(share_route("GET", path), None, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_no_route_is_answered_with_all_routes() {
        let problem = find(&request("GET", "/linkz"), Features::default()).unwrap_err();
        assert_eq!(problem.status(), 404);
        assert_eq!(
            problem.detail(),
            "There is nothing at \"/linkz\". The routes are POST /links, POST /links/batch, \
             GET /download and GET /session."
        );
    }

    #[test]
    fn a_path_that_may_hold_a_token_is_not_repeated() {
        let shares = Shares::of_no_table();
        for path in ["/prod/s/8QmToken", "/prod/s/8QmToken/x", "/S/8QmToken"] {
            let detail = find(&request("GET", path), with(&shares)).unwrap_err().detail();
            assert!(!detail.contains("8QmToken") && detail.contains("/…\". The"), "{detail}");
        }
    }

    #[test]
    fn a_path_has_the_methods_that_the_table_gives_it() {
        let shares = Shares::of_no_table();
        let problem = find(&request("PUT", "/shares/7"), with(&shares)).unwrap_err();
        assert_eq!(problem, Problem::MethodNotAllowed { allow: vec!["GET", "PATCH", "DELETE"] });
        assert_eq!(problem.detail(), "Use GET or PATCH or DELETE here.");
        assert_eq!(problem.status(), 405);
    }

    #[test]
    fn another_reading_of_the_path_counts_before_the_path_itself() {
        let mut request = request("POST", "/prod/links");
        assert!(find(&request, Features::default()).is_err());
        request.readings = vec!["/elsewhere".to_owned(), "/links".to_owned()];
        assert!(matches!(find(&request, Features::default()), Ok(Route::Links)));
    }
}
