// Search of the site from disk. Browsers start no worker for a page at file://, so a hidden frame does its work there.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc =
        '<script>postMessage = data => parent.postMessage(data, "*")</' + `script><script src="${url}"></` + "script>";
      this.frame = frame;
      this.ready = new Promise(done => frame.addEventListener("load", done));
      addEventListener("message", event => {
        if (event.source === frame.contentWindow) {
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        }
      });
      document.body.appendChild(frame);
    }

    postMessage(data) {
      // That of this page: the frame's is replaced, so that what the search posts arrives here.
      this.ready.then(() => window.postMessage.call(this.frame.contentWindow, data, "*"));
    }

    terminate() {
      this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
