//! The server: its connections, and the order in which a call is answered.
//!
//! A call is remembered when it arrives. It waits if a test ordered a pause. The test's script may answer
//! it. Otherwise a service does what it is asked, unless a fault is decided or ordered. Whoever waits for the
//! call to be done goes on before the answer is delivered. A call is done even if its connection ends meanwhile.

use std::any::Any;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::call::{Call, Operation, Service};
use crate::connections::{Connections, End, Fate};
use crate::decisions::{Decisions, Wanted};
use crate::dynamodb;
use crate::fault::Fault;
use crate::http::Request;
use crate::reply::Reply;
use crate::s3::{self, Object};
use crate::ses::{self, Mail};
use crate::state::State;
use crate::sts;

type Script = dyn Fn(&Call) -> Option<Reply> + Send + Sync;

/// All services, at one address. They stop when the runtime that they were started in stops.
pub struct FakeAws {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the connections share.
struct Shared {
    state: Mutex<State>,
    script: Mutex<Arc<Script>>,
    connections: Arc<Connections>,
    decisions: Decisions,
    /// The calls that were done, in order.
    done: watch::Sender<Vec<Operation>>,
    /// How many of them were done when the calls were taken last.
    done_before: AtomicUsize,
}

impl FakeAws {
    /// Starts the services. They know no objects, no items and no sessions.
    pub async fn start() -> Self {
        Self::scripted(|_| None).await
    }

    /// Starts them with a script, as [`FakeAws::script`] sets it.
    pub async fn scripted<R: Into<Option<Reply>>>(
        script: impl Fn(&Call) -> R + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            script: Mutex::new(Arc::new(|_| None)),
            connections: Arc::default(),
            decisions: Decisions::default(),
            done: watch::Sender::default(),
            done_before: AtomicUsize::new(0),
        });
        let address = listen(&shared).await;
        let aws = Self { address, shared };
        aws.script(script);
        aws
    }

    /// Lets a script answer each call from now on. The services answer those for which it returns `None`.
    pub fn script<R: Into<Option<Reply>>>(
        &self,
        script: impl Fn(&Call) -> R + Send + Sync + 'static,
    ) {
        let script = move |call: &Call| script(call).into();
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// Where the services listen, as a setting names it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One more address of the services. A client makes connections of their own to each address.
    pub async fn another_endpoint(&self) -> String {
        format!("http://{}", listen(&self.shared).await)
    }

    /// What the services know. They wait while the guard lives.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// Puts an object into a bucket. It becomes the current one of its key.
    pub fn put_object(&self, bucket: &str, key: &str, object: Object) {
        self.state().bucket(bucket).put(key, object);
    }

    /// Fails the next calls of a service, in order.
    pub fn fail(&self, service: Service, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(service).or_default().extend(faults);
    }

    /// Lets the next calls wait for so many milliseconds before a service looks at them, in order.
    pub fn pause(&self, milliseconds: impl IntoIterator<Item = u64>) {
        self.state().pauses = milliseconds.into_iter().map(Duration::from_millis).collect();
    }

    /// The calls so far that ask for this operation.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> Vec<Call> {
        let state = self.state();
        state.calls.iter().filter(|call| call.operation == operation).cloned().collect()
    }

    /// How many calls so far ask for this operation.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.calls(operation).len()
    }

    /// The calls since this was asked last. They are forgotten.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        let mut state = self.state();
        self.shared.done_before.store(self.shared.done.borrow().len(), Ordering::SeqCst);
        std::mem::take(&mut state.calls)
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.made()
    }

    /// How many requests came through connections that were forgotten. They got no answer.
    #[must_use]
    pub fn requests_in_vain(&self) -> usize {
        self.shared.connections.in_vain()
    }

    /// Does to the open connections what happens to them while their client is frozen. Each that lies idle
    /// meets one of the fates, in order and from the beginning again. `busy`: the others too.
    pub fn freeze_connections(&self, fates: &[Fate], busy: bool) {
        self.shared.connections.freeze(fates, busy);
    }

    /// From now on each call waits until it is decided.
    pub fn want_decisions(&self) {
        self.shared.decisions.want(Wanted::EachCall);
    }

    /// Lets one call wait until it is decided: after so many others that ask for this operation.
    pub fn hold_one_after(&self, others: usize, operation: Operation) {
        self.shared.decisions.want(Wanted::OneAfter(others, operation));
    }

    /// Waits until there are calls that wait for a decision and that nobody has seen yet, and takes them with
    /// their numbers.
    pub async fn undecided(&self) -> Vec<(u64, Call)> {
        self.shared.decisions.next().await
    }

    /// Decides the call with this number.
    ///
    /// # Panics
    ///
    /// If it does not wait for a decision.
    pub fn decide(&self, number: u64, fault: Fault) {
        self.shared.decisions.decide(number, fault);
    }

    /// Waits until so many calls that ask for this operation are done, since [`FakeAws::take_calls`] was
    /// asked last.
    pub async fn until_count(&self, operation: Operation, wanted: usize) {
        let before = self.shared.done_before.load(Ordering::SeqCst);
        let mut done = self.shared.done.subscribe();
        done.wait_for(|done| count(&done[before..], operation) >= wanted)
            .await
            .expect("the services are there");
    }

    /// Waits until the next call from now on that asks for this operation is done. Its answer is
    /// delivered after that.
    pub fn until_done(&self, operation: Operation) -> impl Future<Output = ()> + use<> {
        let mut done = self.shared.done.subscribe();
        let before = count(&done.borrow(), operation);
        async move {
            done.wait_for(|done| count(done, operation) > before)
                .await
                .expect("the services are there");
        }
    }

    /// Does once more what a call asks, as where a call that its sender has given up arrives late.
    pub fn repeat(&self, call: &Call) {
        self.shared.done_by_service(call);
    }

    /// The mails that SES accepted, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.state().mails.clone()
    }
}

impl Drop for FakeAws {
    /// Fails the test if a call broke a rule.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = &self.state().violations;
            assert!(violations.is_empty(), "AWS would refuse what it was sent: {violations:?}");
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer of the script, or of a service.
    async fn reply(&self, call: &Call) -> Reply {
        let script = Arc::clone(&self.script.lock().unwrap_or_else(PoisonError::into_inner));
        match catch_unwind(AssertUnwindSafe(|| script(call))) {
            Ok(Some(reply)) => return reply,
            Ok(None) => {}
            Err(panic) => return self.violation(call, panic.as_ref()),
        }
        let decided = self.decisions.of(call).await;
        let fault = decided.or_else(|| self.next_fault(call.service())).unwrap_or_else(Fault::none);
        // A request that asks for no operation has the path of an object's.
        fault.answer(call.service().unwrap_or(Service::S3), || self.done_by_service(call))
    }

    fn next_fault(&self, service: Option<Service>) -> Option<Fault> {
        let mut state = self.state();
        let faults = service.and_then(|service| state.faults.get_mut(&service));
        let next = faults.and_then(std::collections::VecDeque::pop_front);
        next.or_else(|| state.standing_fault.clone())
    }

    fn done_by_service(&self, call: &Call) -> Reply {
        let done = catch_unwind(AssertUnwindSafe(|| {
            let state = &mut *self.state();
            match call.service() {
                Some(Service::S3) => s3::respond(call, state.bucket(call.bucket())),
                Some(Service::Sts) => sts::respond(call, &state.sts),
                Some(Service::Ses) => ses::send_email(call, &mut state.mails, state.mail_quota),
                Some(Service::DynamoDb) => dynamodb::respond(call, &mut state.tables),
                None => panic!("AWS has no such operation"),
            }
        }));
        done.unwrap_or_else(|panic| self.violation(call, panic.as_ref()))
    }

    /// Remembers that a call broke a rule, and answers as AWS does.
    fn violation(&self, call: &Call, panic: &(dyn Any + Send)) -> Reply {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        let line = call.head.lines().next().unwrap_or_default();
        let violation = format!("{:?}, {line}: {text}", call.operation);
        self.state().violations.push(violation);
        let service = call.service().unwrap_or(Service::S3);
        Reply::error(service, 400, "ValidationException", text)
    }
}

/// Listens at a new address, and serves who connects.
async fn listen(shared: &Arc<Shared>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shared)));
        }
    });
    address
}

fn count(done: &[Operation], operation: Operation) -> usize {
    done.iter().filter(|it| **it == operation).count()
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut connection = Connections::add(&shared.connections);
    loop {
        let request = tokio::select! {
            request = Request::read(&mut stream) => request,
            end = connection.end() => return end.of(stream),
        };
        let Some(request) = request else { return };
        if connection.is_forgotten() {
            return End::Reset.of(stream);
        }
        connection.set_busy(true);
        let is_head = request.method == "HEAD";
        let mut answering = std::pin::pin!(answer(&shared, request));
        let reply = tokio::select! {
            reply = &mut answering => reply,
            end = connection.end() => {
                end.of(stream);
                answering.await;
                return;
            }
        };
        let goes_on = tokio::select! {
            goes_on = reply.write(is_head, &mut stream) => goes_on,
            end = connection.end() => return end.of(stream),
        };
        if !goes_on {
            return;
        }
        connection.set_busy(false);
    }
}

/// Takes a call, has it done, and returns its answer.
async fn answer(shared: &Shared, request: Request) -> Reply {
    let call = Call::new(request);
    let pause = {
        let mut state = shared.state();
        state.calls.push(call.clone());
        state.pauses.pop_front()
    };
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    let reply = shared.reply(&call).await;
    shared.done.send_modify(|done| done.push(call.operation));
    // Whoever waits for that goes on first.
    tokio::task::yield_now().await;
    reply
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::reply::Delivery;

    /// A connection over which this request was sent.
    async fn asked(aws: &FakeAws, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(aws.address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nhost: a\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// What is answered to a request that no other follows.
    async fn answer(aws: &FakeAws, request: &str) -> String {
        let mut stream = asked(aws, request).await;
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn faults_come_in_order_and_are_done_or_not() {
        let aws = FakeAws::start().await;
        aws.put_object("files", "a", Object::of_size(7));
        let late = Duration::from_millis(50);
        aws.fail(
            Service::S3,
            [
                Fault::error(503, "SlowDown", "not now"),
                Fault::disconnect(),
                Fault::lost_answer(),
                Fault::delivered(Delivery::CutOff),
                Fault::delivered(Delivery::LateBody(late)),
                Fault::none().after(late),
                Fault::hang(),
            ],
        );
        let get = "GET /files/a";
        let slow_down = answer(&aws, get).await;
        assert!(slow_down.starts_with("HTTP/1.1 503") && slow_down.contains("<Code>SlowDown<"));
        assert_eq!(answer(&aws, get).await, "");
        assert_eq!(answer(&aws, get).await, "");
        assert!(answer(&aws, get).await.ends_with("\r\n\r\nxxx"));
        for _ in 0..2 {
            let began = std::time::Instant::now();
            assert!(answer(&aws, get).await.ends_with("\r\n\r\nxxxxxxx"));
            assert!(began.elapsed() >= late);
        }
        let mut hanging = asked(&aws, get).await;
        let read = tokio::time::timeout(Duration::from_millis(200), hanging.read(&mut [0])).await;
        assert!(read.is_err(), "{read:?}");
        assert!(answer(&aws, get).await.ends_with("\r\n\r\nxxxxxxx"));
        assert_eq!((aws.count(Operation::GetObject), aws.connections()), (8, 8));
    }

    #[tokio::test]
    async fn a_script_answers_before_the_services_and_the_call_is_done_before_its_answer() {
        let aws = FakeAws::scripted(|call| {
            (call.operation == Operation::HeadBucket).then(|| Reply::status(418))
        })
        .await;
        assert!(answer(&aws, "HEAD /files").await.starts_with("HTTP/1.1 418"));
        let done = aws.until_done(Operation::GetBucketPolicy);
        tokio::select! {
            biased;
            () = done => {}
            _ = answer(&aws, "GET /files?policy") => panic!("it was answered first"),
        }
        assert_eq!(aws.take_calls().len(), 2);
        assert_eq!(aws.count(Operation::HeadBucket), 0);
    }

    #[tokio::test]
    #[should_panic(expected = "AWS would refuse what it was sent")]
    async fn a_call_that_breaks_a_rule_fails_the_test_when_the_services_are_dropped() {
        let aws = FakeAws::start().await;
        assert!(answer(&aws, "PATCH /files/a").await.starts_with("HTTP/1.1 400"));
    }
}
