import { api, type Schema, take } from "@de/api";
import { useEffect, useState } from "preact/hooks";

/** What is needed to show a picture that is kept. */
export interface Shown {
  height?: number | null | undefined;
  id: string;
  url: string;
  url_expires_at: string;
  width?: number | null | undefined;
}

/** Before its end a link is asked for anew, in milliseconds. */
const MARGIN = 30_000;

/** A picture by its signed link. The link ends: then, or where it does not lead anywhere, a new one is asked for. */
export function Picture({ alt, asset, isLazy }: { alt: string; asset: Shown; isLazy?: boolean }) {
  const [url, setUrl] = useState(asset.url);
  const [state, setState] = useState<"fine" | "gone" | "renewed">("fine");
  const renew = async () => {
    if (state !== "fine") {
      setState("gone");
      return;
    }
    setState("renewed");
    try {
      setUrl(await freshLink(asset.id));
    } catch {
      setState("gone");
    }
  };
  useEffect(() => {
    setUrl(asset.url);
    setState("fine");
    if (Date.parse(asset.url_expires_at) - Date.now() < MARGIN) void renew();
  }, [asset.url]);
  if (state === "gone") return <span class="gone">This picture cannot be shown: it may be deleted.</span>;
  return (
    // Another element for another try: the same address would not be asked for again.
    <img
      key={state}
      class="picture"
      src={url}
      alt={alt}
      loading={isLazy ? "lazy" : "eager"}
      width={asset.width ?? undefined}
      height={asset.height ?? undefined}
      onError={() => void renew()}
    />
  );
}

/** A link to a picture that holds for a day from now. */
export async function freshLink(id: string): Promise<string> {
  const { url } = await take(api.GET("/v1/assets/{id}", { params: { path: { id } } }));
  return url;
}

/** A picture in words, as far as the API knows any. */
export function altOf({ created_at, height, model_id, provider_id, width }: Schema<"Asset">): string {
  const size = width && height ? `, ${width} × ${height}` : "";
  return `Picture by ${model_id ?? provider_id ?? "an upload"}${size}, of ${created_at.slice(0, 16).replace("T", " ")}`;
}
