"""Pushes the branch main of a work tree with dulwich: WORK URL CA; ends with 1 where the push failed."""

import sys

import urllib3
from dulwich.client import HttpGitClient
from dulwich.repo import Repo

work, url, authority = sys.argv[1:]
repository = Repo(work)
main = b"refs/heads/main"
base, path = url.split("/forge.test/")
client = HttpGitClient(base, pool_manager=urllib3.PoolManager(ca_certs=authority))
result = client.send_pack(
    "/forge.test/" + path,
    lambda refs: {main: repository.refs[main]},
    repository.generate_pack_data,
    progress=lambda text: sys.stderr.write(text.decode("utf-8", "replace")),
)
for ref, error in (result.ref_status or {}).items():
    if error:
        sys.exit(f"{ref.decode()}: {error}")
