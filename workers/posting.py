"""One POST to an address that somebody else has chosen: no redirects, nothing private, in time.

Called by `workers.webhooks`, from several threads at once.
"""

from collections.abc import Callable, Mapping

import httpx

from catalog.addresses import is_public, resolve
from catalog.deliveries import Outcome

ANSWER_S = 5.0
_CONNECT_S = 3.0
_LONGEST_ERROR = 300

Resolve = Callable[[str, int], list[str]]


class Poster:
    """Sends bodies. `close` it.

    The name is looked up once and the connection goes to the address that was judged: a name
    that changes its mind in between leads nowhere else.
    """

    def __init__(
        self,
        allow_private: bool,
        resolve_host: Resolve = resolve,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve_host
        # Through a proxy nobody here could see which address is reached in the end.
        self._http = httpx.Client(
            timeout=httpx.Timeout(ANSWER_S, connect=_CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """What the receiver says; its answer's body is not read."""
        try:
            request = self._build(httpx.URL(url), body, headers)
            response = self._http.send(request, stream=True)
        except _PrivateAddressError as error:
            return Outcome(error=str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Outcome(error=f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])
        response.close()
        return _judge(response)

    def _build(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> httpx.Request:
        address = self._choose(url)
        return self._http.build_request(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers={**headers, "Host": url.netloc.decode("ascii")},
            # Certificates are still checked against the name.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )

    def _choose(self, url: httpx.URL) -> str:
        addresses = self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        if not addresses:
            raise OSError(f"{url.host} has no address")
        if not self._allow_private:
            if url.scheme != "https":
                raise _PrivateAddressError("Only https is allowed.")
            for address in addresses:
                if not is_public(address):
                    raise _PrivateAddressError(f"{url.host} leads to a private address: {address}")
        return addresses[0]


class _PrivateAddressError(Exception):
    """The address is none that this machine may connect to for others."""


def _judge(response: httpx.Response) -> Outcome:
    status = response.status_code
    if response.is_success:
        return Outcome(status)
    if response.is_redirect:
        return Outcome(status, "It redirects; redirects are not followed.")
    wait = response.headers.get("Retry-After", "")
    wait_s = float(wait) if wait.isdecimal() and len(wait) < 10 else None
    return Outcome(status, f"It answered {status} {response.reason_phrase}.", wait_s)
