import { api, base, type Schema, take } from "@de/api";
import {
  Button,
  CopyButton,
  confirm,
  Dialog,
  money,
  Resource,
  Time,
  toast,
  useQuery,
  useResource,
} from "@de/ui";
import { KEY } from "@de/ui/snippets";
import { altOf, freshLink, Picture } from "./picture.tsx";

type Asset = Schema<"Asset">;

interface AssetProps {
  id: string;
  onClose: () => void;
  onDeleted?: () => void;
}

/** One picture in full, what is known of it, and what can be done with it. */
export default function AssetDialog({ id, onClose, onDeleted }: AssetProps) {
  const asset = useResource(
    (signal) => take(api.GET("/v1/assets/{id}", { params: { path: { id } }, signal })),
    [id],
  );
  const remove = async () => {
    const isDone = await confirm({
      action: "Delete",
      body: (
        <p>The bytes and what is known of them go, and every link to them ends. The books keep the call.</p>
      ),
      title: "Delete this picture?",
      work: () => take(api.DELETE("/v1/assets/{id}", { params: { path: { id } } })),
    });
    if (!isDone) return;
    toast.done("The picture is deleted");
    onDeleted?.();
    onClose();
  };
  return (
    <Dialog size="large" title="Picture" onClose={onClose}>
      <Resource of={asset}>
        {(data) => (
          <>
            <div class="full">
              <Picture alt={altOf(data)} asset={data} />
            </div>
            <Facts asset={data} />
            <div class="row">
              <Button onClick={() => download(data)}>Download</Button>
              <span class="row copy-of">
                URL <CopyButton label="Copy the URL" text={data.url} />
              </span>
              <span class="row copy-of">
                curl <CopyButton label="Copy as curl" text={curlOf(data)} />
              </span>
              <span class="row row-end">
                <Button kind="danger" onClick={remove}>
                  Delete
                </Button>
                <Button onClick={onClose}>Close</Button>
              </span>
            </div>
            <p class="quiet small">
              The URL needs no key, and ends <Time at={data.url_expires_at} />. The curl reads a key from{" "}
              <code>{KEY}</code>.
            </p>
          </>
        )}
      </Resource>
    </Dialog>
  );
}

function Facts({ asset }: { asset: Asset }) {
  const [, change] = useQuery();
  const source = (asset.source ?? null) as Record<string, unknown> | null;
  return (
    <dl class="facts">
      <dt>Asset</dt>
      <dd class="row">
        <code class="wrap">{asset.id}</code> <CopyButton label="Copy the asset's id" text={asset.id} />
      </dd>
      <dt>File</dt>
      <dd>
        {asset.content_type}
        {asset.width && asset.height ? `, ${asset.width} × ${asset.height}` : ""}, {bytes(asset.size_bytes)}
      </dd>
      <dt>Made by</dt>
      <dd>
        <code>{asset.model_id ?? "–"}</code> {asset.provider_id && <>at {asset.provider_id}</>}
      </dd>
      <dt>Cost of the call</dt>
      <dd class="row">
        {typeof asset.cost_micros === "number" ? money(asset.cost_micros) : "not known"}
        {asset.receipt_id && (
          <Button
            size="small"
            kind="plain"
            onClick={() => change({ asset: null, receipt: asset.receipt_id ?? null })}
          >
            Receipt
          </Button>
        )}
      </dd>
      <dt>Made</dt>
      <dd>
        <Time at={asset.created_at} />
        {asset.expires_at && (
          <>
            , kept until <Time at={asset.expires_at} />
          </>
        )}
      </dd>
      {typeof source?.attribution === "string" && (
        <>
          <dt>Taken from</dt>
          <dd>{source.attribution}</dd>
        </>
      )}
    </dl>
  );
}

function bytes(size: number): string {
  if (size < 1_000) return `${size} B`;
  return size < 1_000_000 ? `${(size / 1_000).toFixed(1)} kB` : `${(size / 1_000_000).toFixed(1)} MB`;
}

function fileName({ content_type, id }: Asset): string {
  return `${id}.${content_type.split("/")[1]?.replace("jpeg", "jpg") ?? "bin"}`;
}

/** Through the page, since a link to another origin opens its file and does not keep it. */
async function download(asset: Asset): Promise<void> {
  const answer = await fetch(await freshLink(asset.id));
  if (!answer.ok) throw new Error(`the picture cannot be fetched: ${answer.status}`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = fileName(asset);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function curlOf(asset: Asset): string {
  return `curl -o '${fileName(asset)}' '${base}/assets/${asset.id}' -H "Authorization: Bearer $${KEY}"`;
}
