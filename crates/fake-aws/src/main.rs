//! The fake AWS as a program, for tests and benchmarks in Python. It prints one line of JSON: the address of
//! the services, `aws`, and the address that takes orders, `orders`. It ends when its standard input does, so
//! none outlives the process that started it.

use std::io::Read;

use fake_aws::{FakeAws, take_orders};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let aws = FakeAws::start().await;
    let services = aws.endpoint();
    let orders = take_orders(aws).await;
    println!("{}", serde_json::json!({"aws": services, "orders": orders}));
    std::future::pending::<()>().await;
}
