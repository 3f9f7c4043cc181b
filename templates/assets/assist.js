// Secondgate's assist script, for portals whose pages are drawn by scripts. A request
// of theirs that meets the gate gets 401 and a problem document that says where the
// challenge is. This takes the browser there, and afterwards back to this page.
//
// It changes no request, reads no answer but such a 401, and keeps nothing but when it
// last left a page. See docs/single-page.md.
(function () {
	"use strict";

	// The own pages are where this script is from: /two-factor/assets/assist.js.
	var here = document.currentScript && document.currentScript.src;
	if (!here || window.secondgateAssist) {
		return;
	}
	window.secondgateAssist = true;
	var own = new URL("..", here);

	// It gives up when leaving did not help: at most so often in so many milliseconds.
	var often = 3, within = 60000, key = "secondgate-left";
	// A page that asks before it is left may be stayed on: then its scripts go on with
	// the refusal, after so many milliseconds.
	var patience = 10000;

	function mayLeave() {
		try {
			var now = Date.now();
			var times = JSON.parse(sessionStorage.getItem(key) || "[]").filter(function (t) {
				return now - t < within;
			});
			if (times.length >= often) {
				return false;
			}
			sessionStorage.setItem(key, JSON.stringify(times.concat(now)));
		} catch (_) {
			// No storage: then nothing can be counted, and a loop would be worse.
			return false;
		}
		return true;
	}

	var leaving = 0;

	// leave goes to the challenge that a problem document names, if it is an own page's.
	// It reports whether the browser is on its way.
	function leave(problem) {
		if (leaving && Date.now() - leaving < patience) {
			return true;
		}
		if (!problem || typeof problem.challenge !== "string") {
			return false;
		}
		var to = new URL(problem.challenge, location.href);
		if (to.origin !== location.origin || to.origin !== own.origin || to.pathname.indexOf(own.pathname) !== 0 || !mayLeave()) {
			return false;
		}
		leaving = Date.now();
		to.searchParams.set("return", location.pathname + location.search + location.hash);
		uncontrolled(function () { location.assign(to.href); });
		return true;
	}

	// uncontrolled calls then once no service worker of the portal controls own pages. Those of
	// installable applications answer every navigation with the application's page, which would hide
	// the challenge. The application registers its worker again when it starts.
	function uncontrolled(then) {
		var workers = navigator.serviceWorker;
		if (!workers || !workers.controller) {
			then();
			return;
		}
		workers.getRegistration(own.pathname).then(function (r) { return r && r.unregister(); }).then(then, then);
	}

	function isProblem(status, type) {
		return status === 401 && /^application\/problem\+json\b/i.test(type || "");
	}

	function isOurs(address) {
		return !address || new URL(address, location.href).origin === location.origin;
	}

	var fetch0 = window.fetch;
	if (fetch0) {
		window.fetch = function () {
			return fetch0.apply(this, arguments).then(function (response) {
				if (!isProblem(response.status, response.headers.get("Content-Type")) || !isOurs(response.url)) {
					return response;
				}
				return response.clone().json().then(leave, function () {
					return false;
				}).then(function (left) {
					// What the page would do about the refusal would only be in the way.
					return left ? new Promise(function (resolve) {
						setTimeout(resolve, patience, response);
					}) : response;
				});
			});
		};
	}

	var send0 = XMLHttpRequest.prototype.send;
	XMLHttpRequest.prototype.send = function () {
		var request = this;
		request.addEventListener("load", function () {
			if (!isProblem(request.status, request.getResponseHeader("Content-Type")) || !isOurs(request.responseURL)) {
				return;
			}
			problemOf(request).then(leave, function () {});
		});
		return send0.apply(this, arguments);
	};

	// problemOf reads the answer in whatever form the page asked for it.
	function problemOf(request) {
		switch (request.responseType) {
		case "json":
			return Promise.resolve(request.response);
		case "arraybuffer":
		case "blob":
			return new Response(request.response).json();
		case "document":
			return Promise.reject(new Error("not read"));
		}
		return new Response(request.responseText).json();
	}
})();
