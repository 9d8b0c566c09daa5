// Writes one cookie. Scripts of the page can read it, as it is one that writes it: a run of a page in
// Streamlit has no HTTP response of its own. No page draws foreign HTML.

export default function ({ data, setTriggerValue }) {
  const secure = window.location.protocol === "https:" ? "; Secure" : "";
  document.cookie =
    `${data.name}=${data.value}; Max-Age=${data.life}; Path=/; SameSite=Strict${secure}`;
  setTriggerValue("written", true);
}
