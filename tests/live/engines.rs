//! Who computes, and what happens when that changes: no GPU, a lost one, a web server, many starts.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

/// The device goes away in the middle: the page says so and goes on.
#[test]
fn the_gpu_is_lost() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    page.click("#live-step");
    settle(&page);
    page.eval("void live.app.engines.gpu.device.destroy()");
    until(&page, "live.app.engine.kind === 'cpu'");
    settle(&page);
    let who = page.text("#live-who");
    assert!(who.contains("GPU is gone") && who.contains("processor"), "{who}");
    let before = page.eval("live.app.climbers[0].now.loss").as_f64().unwrap();
    page.click("#live-step");
    settle(&page);
    assert!(page.eval("live.app.climbers[0].now.loss").as_f64().unwrap() > before);
    page.assert_quiet();
}

#[test]
fn without_webgpu() {
    let Some(chromium) = open() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv", "--lang", "es"]), 1400);
    settle(&page);
    let who = page.text("#live-who");
    assert!(who.contains("no tiene WebGPU") && who.contains("procesador"), "{who}");
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).starts_with("Paso 1 de 1"), "{}", said(&page));
    gradients_agree(&page, &network("tiny.h5"), (16, 12), &BY_ALL[2..]);
    let text = page.text("#live");
    for english in [" the ", "The ", "gradient of", "step", "Layer", "before"] {
        assert!(!text.contains(english), "English in the Spanish page: {english:?}");
    }
    page.assert_fits(400);
    page.assert_quiet();
}

/// A web server of a folder: enough of one for a browser. Gives its address.
fn serve(dir: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).unwrap();
            let name = request.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_string();
            let kind = if name.ends_with(".html") { "text/html" } else { "application/octet-stream" };
            let body = std::fs::read(dir.join(&name)).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A browser that hangs up early has no bearing on the test.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

/// As a folder: the page, and the numbers beside it, which it loads once.
#[test]
fn from_a_web_server() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("site");
    let mut command = Command::new(env!("CARGO_BIN_EXE_unet-lens"));
    command
        .args(["explain", "-q", "--layer", "up_conv", "--model"])
        .arg(fixture("tiny.h5"))
        .arg("--live-dir")
        .arg(&folder);
    command.assert().success();
    assert_eq!(common::names(&folder), ["index.html", "numbers.bin"]);
    let address = serve(folder);
    let page = chromium.visit(&format!("{address}/index.html"), &[format!("{address}/numbers.bin")], 1400);
    settle(&page);
    page.click("#live-step");
    settle(&page);
    assert!(said(&page).starts_with("Step 1 of 1"), "{}", said(&page));
    gradients_agree(&page, &network("tiny.h5"), (16, 12), &BY_ALL);
    page.assert_quiet();
}

/// Two hundred starts leave no buffer behind.
#[test]
fn no_buffer_is_left() {
    let Some(chromium) = open_with_gpu() else { return };
    let dir = tempfile::tempdir().unwrap();
    let page = chromium.page(&make(dir.path(), "tiny.h5", &["--layer", "up_conv"]), 1400);
    settle(&page);
    let counts = page.wait(
        "(async () => {
            let there = 0;
            const create = GPUDevice.prototype.createBuffer, destroy = GPUBuffer.prototype.destroy;
            GPUDevice.prototype.createBuffer = function (...of) { there++; return create.apply(this, of); };
            GPUBuffer.prototype.destroy = function () { there--; return destroy.apply(this); };
            const layer = document.getElementById('live-layer'), counts = [];
            for (let i = 0; i < 200; i++) {
                layer.value = i % 2;
                layer.dispatchEvent(new Event('change'));
                await live.queued();
                if (i % 2) counts.push(there);
            }
            return counts;
        })()",
    );
    let counts: Vec<i64> = from_value(counts).unwrap();
    assert_eq!(counts.len(), 100);
    assert!(counts.iter().all(|&count| count == counts[0]), "{counts:?}");
    page.assert_quiet();
}
