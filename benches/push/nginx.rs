//! nginx as a plain reverse proxy over TLS on both sides: what a clone through any proxy costs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

pub(crate) struct Nginx {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// No start takes longer, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Nginx {
    /// `None` where nginx is not installed. `folder` holds `server.pem` and `server.key`.
    pub(crate) fn start(folder: &Path, forge: SocketAddr) -> anyhow::Result<Option<Self>> {
        let Some(program) = program() else {
            return Ok(None);
        };
        // Taken and given back: nginx does not tell which port it took.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, address, forge))?;
        let child = Command::new(program)
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.join("nginx-error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("nginx")?;
        let nginx = Self { child, address };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            anyhow::ensure!(since.elapsed() < PATIENCE, "nginx does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Some(nginx))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked, not killed: its worker ends with it.
        let order = format!("kill -TERM {}", self.child.id());
        let _ = Command::new("sh").args(["-c", &order]).status();
        let _ = self.child.wait();
    }
}

fn program() -> Option<&'static str> {
    ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}

/// As it is usually written for git: connections to the forge are kept, and nothing is put on disk on the way.
fn configuration(folder: &Path, address: SocketAddr, forge: SocketAddr) -> String {
    let folder = folder.display();
    let user = if std::fs::metadata("/proc/self").is_ok_and(|own| {
        use std::os::unix::fs::MetadataExt;
        own.uid() == 0
    }) {
        "user root;"
    } else {
        ""
    };
    format!(
        "{user}
daemon off;
pid {folder}/nginx.pid;
worker_processes auto;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-other;
  uwsgi_temp_path {folder}/nginx-other;
  scgi_temp_path {folder}/nginx-other;
  upstream forge {{ server {forge}; keepalive 16; }}
  server {{
    listen {address} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    client_max_body_size 0;
    location / {{
      proxy_pass https://forge;
      proxy_ssl_verify on;
      proxy_ssl_name forge.test;
      proxy_ssl_trusted_certificate {folder}/server.pem;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
      proxy_buffering off;
      proxy_request_buffering off;
    }}
  }}
}}
"
    )
}
