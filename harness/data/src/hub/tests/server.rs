//! A web server on loopback that speaks the hub's routes and can be told to misbehave.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    /// First byte asked for.
    pub start: Option<u64>,
    pub authorized: bool,
}

/// What goes out.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Says this length instead of the body's.
    pub says: Option<usize>,
    /// Sends so many bytes of the body and closes.
    pub cut: Option<usize>,
    /// Sends so many bytes of the body and then nothing, keeping the connection open.
    pub stall: Option<usize>,
    /// Sends so many bytes at a time with this pause between them.
    pub crawl: Option<(usize, Duration)>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let (headers, body) = (Vec::new(), body.into());
        Reply { status, headers, body, says: None, cut: None, stall: None, crawl: None }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The part of `body` that was asked for.
    pub fn range(request: &Request, body: &[u8]) -> Self {
        match request.start {
            None => Reply::new(200, body),
            Some(start) if start as usize >= body.len() => Reply::new(416, ""),
            Some(start) => Reply::new(206, &body[start as usize..])
                .header("Content-Range", format!("bytes {start}-{}/{}", body.len() - 1, body.len())),
        }
    }
}

type Handler = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// Runs until it is dropped.
pub struct Server {
    pub url: String,
    pub requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// `handler` gets the request and how many came for the same path before.
    pub fn start(handler: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (seen, stopped, handler) = (requests.clone(), stop.clone(), Arc::new(handler) as Arc<Handler>);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (seen, stopped, handler) = (seen.clone(), stopped.clone(), handler.clone());
                // A client that goes away is no failure of the server.
                std::thread::spawn(move || stream.and_then(|stream| serve(stream, &seen, &stopped, &*handler)));
            }
        });
        Server { url, requests, stop }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    stopped: &AtomicBool,
    handler: &Handler,
) -> std::io::Result<()> {
    let mut request = Request { path: String::new(), start: None, authorized: false };
    for (number, line) in BufReader::new(stream.try_clone()?).lines().enumerate() {
        let line = line?;
        if number == 0 {
            request.path = line.split(' ').nth(1).unwrap_or_default().to_string();
        } else if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "range" => request.start = value.trim_start_matches("bytes=").trim_end_matches('-').parse().ok(),
                "authorization" => request.authorized = true,
                _ => {}
            }
        } else if line.is_empty() {
            break;
        }
    }
    let before = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.iter().filter(|earlier| earlier.path == request.path).count() - 1
    };
    let reply = handler(&request, before);
    let length = reply.says.unwrap_or(reply.body.len());
    let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {length}\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let sent = reply.cut.or(reply.stall).unwrap_or(reply.body.len());
    match reply.crawl {
        None => stream.write_all(&reply.body[..sent])?,
        Some((bytes, pause)) => {
            for piece in reply.body.chunks(bytes) {
                stream.write_all(piece)?;
                std::thread::sleep(pause);
            }
        }
    }
    stream.flush()?;
    while reply.stall.is_some() && !stopped.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
