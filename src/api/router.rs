//! Which part of the API answers a request. The table of routes also makes the texts of 404 and 405.
//!
//! The router is a loop over the table. A router of a crate would be built at every start, and a
//! start may take only so many instructions (see docs/performance.md).

use std::borrow::Cow;

use super::{Problem, Request};

/// A route of the API.
#[derive(Clone, Copy, Debug)]
struct Route {
    method: &'static str,
    /// The path, in which `{name}` stands for one segment that is not empty.
    path: &'static str,
    endpoint: Endpoint,
}

/// What answers a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// One link.
    Links,
    /// Many links.
    Batch,
    /// A redirect to a link, for browsers.
    Download,
    /// Who signs, and what could be promised now.
    Session,
    /// A new share.
    NewShare,
    /// The caller's shares.
    Shares,
    /// One share of the caller.
    Share,
    /// Changes of a share of the caller.
    ShareChange,
    /// The end of a share of the caller.
    ShareEnd,
    /// What is behind a share's address, for anyone.
    SharePage,
    /// A press of the button there.
    SharePress,
}

/// The names and values of a path's parameters.
pub(super) type PathParameters = Vec<(&'static str, String)>;

/// Every route, in the order in which a 404 lists them. A path may stand here once per method.
const ROUTES: &[Route] = &[
    Route { method: "POST", path: "/links", endpoint: Endpoint::Links },
    Route { method: "POST", path: "/links/batch", endpoint: Endpoint::Batch },
    Route { method: "GET", path: "/download", endpoint: Endpoint::Download },
    Route { method: "GET", path: "/session", endpoint: Endpoint::Session },
    Route { method: "POST", path: "/shares", endpoint: Endpoint::NewShare },
    Route { method: "GET", path: "/shares", endpoint: Endpoint::Shares },
    Route { method: "GET", path: "/shares/{share_id}", endpoint: Endpoint::Share },
    Route { method: "PATCH", path: "/shares/{share_id}", endpoint: Endpoint::ShareChange },
    Route { method: "DELETE", path: "/shares/{share_id}", endpoint: Endpoint::ShareEnd },
    Route { method: "GET", path: "/s/{token}", endpoint: Endpoint::SharePage },
    Route { method: "HEAD", path: "/s/{token}", endpoint: Endpoint::SharePage },
    Route { method: "POST", path: "/s/{token}", endpoint: Endpoint::SharePress },
];

/// How many of them there are where shares are off. The others stand behind them.
const WITHOUT_SHARES: usize = 4;

/// The endpoint of `request`, and the parameters in its path. Where shares are off their routes are
/// none.
///
/// # Errors
///
/// [`Problem::NoSuchRoute`] and [`Problem::MethodNotAllowed`].
pub(super) fn find(
    request: &Request,
    with_shares: bool,
) -> Result<(Endpoint, PathParameters), Problem> {
    find_in(if with_shares { ROUTES } else { &ROUTES[..WITHOUT_SHARES] }, request)
}

fn find_in(
    routes: &'static [Route],
    request: &Request,
) -> Result<(Endpoint, PathParameters), Problem> {
    for path in request.readings.iter().chain([&request.path]) {
        let matches = || routes.iter().filter_map(|route| Some((route, route.parameters(path)?)));
        if let Some((route, parameters)) =
            matches().find(|(route, _)| route.method == request.method)
        {
            return Ok((route.endpoint, parameters));
        }
        let allow: Vec<_> = matches().map(|(route, _)| route.method).collect();
        if !allow.is_empty() {
            return Err(Problem::MethodNotAllowed { allow });
        }
    }
    Err(Problem::no_such_route(&without_token(&request.path), &list(routes)))
}

/// The path without what stands behind `/s/`. It may be a share's token, which no error repeats.
fn without_token(path: &str) -> Cow<'_, str> {
    match path.to_ascii_lowercase().find("/s/") {
        Some(at) => Cow::Owned(format!("{}…", &path[..at + "/s/".len()])),
        None => Cow::Borrowed(path),
    }
}

impl Route {
    /// The parameters in `path`, or `None` if `path` is not this route's.
    fn parameters(&self, path: &str) -> Option<PathParameters> {
        if self.path.split('/').count() != path.split('/').count() {
            return None;
        }
        let mut parameters = Vec::new();
        for (pattern, segment) in self.path.split('/').zip(path.split('/')) {
            match pattern.strip_prefix('{').and_then(|pattern| pattern.strip_suffix('}')) {
                Some(name) if !segment.is_empty() => parameters.push((name, segment.to_owned())),
                None if pattern == segment => {}
                _ => return None,
            }
        }
        Some(parameters)
    }
}

/// All routes in words: `POST /links, POST /links/batch and GET /session`.
fn list(routes: &[Route]) -> String {
    let routes: Vec<_> =
        routes.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
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
    use link_rules::access::Principal;

    fn request(method: &str, path: &str) -> Request {
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            readings: Vec::new(),
            query: Vec::new(),
            body: Vec::new(),
            principal: Principal::Anonymous,
            client: Client::default(),
        }
    }

    #[test]
    fn every_route_is_found_by_its_method_and_path() {
        for route in ROUTES {
            let path = route.path.replace(['{', '}'], "");
            let (endpoint, _) = find(&request(route.method, &path), true).unwrap();
            assert_eq!(endpoint, route.endpoint);
            let is_share_s = path.starts_with("/s/") || path.starts_with("/shares");
            let without = find(&request(route.method, &path), false);
            assert_eq!(without.is_err(), is_share_s, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_no_route_is_answered_with_all_routes() {
        let problem = find(&request("GET", "/linkz"), false).unwrap_err();
        assert_eq!(problem.status(), 404);
        assert_eq!(
            problem.detail(),
            "There is nothing at \"/linkz\". The routes are POST /links, POST /links/batch, \
             GET /download and GET /session."
        );
    }

    #[test]
    fn a_path_that_may_hold_a_token_is_not_repeated() {
        for path in ["/s/8QmToken/", "/s/8QmToken/x", "/prod/s/8QmToken", "/S/8QmToken"] {
            let detail = find(&request("GET", path), true).unwrap_err().detail();
            assert!(!detail.contains("8QmToken") && detail.contains("/…\". The"), "{detail}");
        }
    }

    #[test]
    fn a_path_may_have_several_methods_and_segments_that_stand_for_anything() {
        const ROUTES: &[Route] = &[
            Route { method: "GET", path: "/files/{id}", endpoint: Endpoint::Download },
            Route { method: "GET", path: "/files", endpoint: Endpoint::Session },
            Route { method: "DELETE", path: "/files/{id}", endpoint: Endpoint::Links },
        ];
        let find = |method, path| find_in(ROUTES, &request(method, path));
        let seven = vec![("id", "7".to_owned())];
        assert_eq!(find("GET", "/files/7"), Ok((Endpoint::Download, seven.clone())));
        assert_eq!(find("DELETE", "/files/7"), Ok((Endpoint::Links, seven)));
        assert_eq!(find("GET", "/files"), Ok((Endpoint::Session, Vec::new())));
        for path in ["/files/7/8", "/files/", "/", "", "files/7", "/files//7"] {
            assert_eq!(find("GET", path).unwrap_err().status(), 404, "{path}");
        }
        let problem = find("PUT", "/files/7").unwrap_err();
        assert_eq!(problem, Problem::MethodNotAllowed { allow: vec!["GET", "DELETE"] });
        assert_eq!(problem.detail(), "Use GET or DELETE here.");
    }

    #[test]
    fn another_reading_of_the_path_counts_before_the_path_itself() {
        let mut request = request("POST", "/prod/links");
        assert!(find(&request, true).is_err());
        request.readings = vec!["/elsewhere".to_owned(), "/links".to_owned()];
        assert_eq!(find(&request, true), Ok((Endpoint::Links, Vec::new())));
    }
}
