//! Every promise is kept: each capability in each world, second by second.
//!
//! - [`world`] knows how a bucket and a session end links, and answers as S3 does,
//! - [`capabilities`] has what people ask the function for.
//!
//! A promise is replayed against the truth of its world. It must hold until its end, and it must be as long
//! as it can be: a function that promises nothing keeps every promise.

mod capabilities;
mod world;

use std::sync::Arc;

use self::capabilities::{ASKED, Address, CAPABILITIES, Capability, Promise, press};
use self::world::{PolicyIs, World, now, set};

/// How much shorter than the truth the promise of a link may be: the margin for the clocks.
const LINK_MARGIN: i64 = 6;

/// The same of a share. Its last press still gets a link that works for two minutes.
const SHARE_MARGIN: i64 = 128;

/// How long a link of a press works at least. Its answer takes a second.
const LEAST_OPEN: i64 = 119;

fn worlds() -> Vec<World> {
    let named = |name| World { name, ..World::default() };
    vec![
        named("nothing ends"),
        World { session: Some(1_800), ..named("the session is short") },
        World { policy_age: Some(1_200), ..named("a policy by age") },
        World { policy_instant: Some(5_000), ..named("a policy by instant") },
        World {
            policy_age: Some(1_200),
            policy_instant: Some(5_000),
            ..named("a policy by age and instant")
        },
        World {
            policy_age: Some(1_200),
            policy_instant: Some(5_000),
            policy: PolicyIs::Silent,
            ..named("a policy that was read once")
        },
        World { policy: PolicyIs::Refused, ..named("a policy that nobody may read") },
        World { expires: Some(7_200), ..named("a rule that expires the file") },
        World { archived: Some(7_200), ..named("a rule that archives the file") },
        World { restored_until: Some(7_200), ..named("a restored copy of an archived file") },
        World { is_archived: true, ..named("an archived file") },
        World {
            session: Some(3_000),
            policy_age: Some(1_000),
            policy_instant: Some(9_000),
            expires: Some(8_000),
            archived: Some(7_000),
            ..named("all of it")
        },
    ]
}

/// The first second at which the promise is broken. `None`: it holds until its end.
///
/// The end of a link is checked each second. A press is tried each half hour, and in the last two minutes
/// before each end, and its link at each second of the least time.
async fn broken_at(
    world: &World,
    capability: &Capability,
    aws: &fake_aws::FakeAws,
    made_at: i64,
    address: &Address,
    end: i64,
) -> Option<i64> {
    match address {
        Address::Link(url) => (made_at..end).find(|second| !world.opens(url, *second)),
        Address::Share(path) => {
            let presses = (made_at..end).step_by(1_800).chain([end - 60, end - 2, end - 1]);
            for second in presses {
                set(second);
                // Each press is one of another session, as on Lambda.
                let session_end = second + world.session.unwrap_or(1_000_000);
                let function = capability.function(aws, session_end);
                let Some(link) = press(&function, path).await else { return Some(second) };
                let broken = (second..second + LEAST_OPEN).find(|at| !world.opens(&link, *at));
                if broken.is_some() {
                    return broken;
                }
            }
            None
        }
    }
}

/// How long the thing that was made can be had, by the truth.
fn truth(world: &World, address: &Address, made_at: i64) -> i64 {
    let asked = made_at + ASKED;
    match address {
        Address::Link(url) => {
            // The same link, if it were signed for as long as was asked.
            let length = url.split("X-Amz-Expires=").nth(1).unwrap().split('&').next().unwrap();
            let long = url
                .replace(&format!("X-Amz-Expires={length}&"), &format!("X-Amz-Expires={ASKED}&"));
            (made_at..asked).find(|second| !world.opens(&long, *second)).unwrap_or(asked)
        }
        Address::Share(_) => {
            // Ages and sessions end no share, because each press has a signature of its own. A share of a
            // version opens while the version is current.
            let archived = world.archived.or(world.restored_until);
            [world.policy_instant, world.expires, archived, Some(asked)]
                .into_iter()
                .flatten()
                .min()
                .unwrap()
        }
    }
}

#[tokio::test]
async fn every_promise_is_kept_and_as_long_as_it_can_be() {
    for world in worlds() {
        let world = Arc::new(world);
        for capability in &CAPABILITIES {
            let case = format!("{} in the world of {}", capability.name, world.name);
            set(0);
            let aws = world.aws().await;
            let function = capability.function(&aws, world.session.unwrap_or(1_000_000));
            function.initialise().await;
            let mut made_at = 0;
            if world.policy == PolicyIs::Silent {
                // S3 has not shown the policy for longer than it is believed.
                made_at = 1_000;
                set(made_at);
            }
            let promise = capability.ask(&function, &aws).await;
            let Promise::Until { address, end, is_uncertain } = promise else {
                assert!(world.is_archived, "nothing was promised: {case}");
                continue;
            };
            assert!(!world.is_archived, "a file in an archive was promised: {case}");
            let is_known = world.policy == PolicyIs::Shown;
            assert_eq!(is_uncertain, !is_known && capability.tells_the_policy(), "{case}");

            let longest = truth(&world, &address, made_at);
            let margin = if longest == made_at + ASKED {
                0
            } else if capability.is_share() {
                SHARE_MARGIN
            } else {
                LINK_MARGIN
            };
            assert!(end >= longest - margin, "{end} of {longest}: {case}");
            let broken = broken_at(&world, capability, &aws, made_at, &address, end).await;
            assert_eq!(broken, None, "promised until {end} at {}: {case}", now());
        }
    }
}
