import { api, instance, take } from "@de/api";
import { FilterSelect, later, Page, Pager, Resource, Time, useProjects, useQuery, useResource } from "@de/ui";
import { altOf, Picture } from "./picture.tsx";

const AssetDialog = later(() => import("./asset-dialog.tsx"));
const ReceiptDialog = later(async () => ({ default: (await import("@de/ui/receipt")).ReceiptDialog }));

const PAGE = 24;

/** The pictures of the instance, the newest first. */
export default function Gallery() {
  const [query, change] = useQuery();
  const { cursor, project_id } = query;
  const assets = useResource(
    (signal) => {
      const asked = {
        kind: "image" as const,
        limit: PAGE,
        ...(cursor && { cursor }),
        ...(project_id && { project_id }),
      };
      return take(api.GET("/v1/assets", { params: { query: asked }, signal }));
    },
    [instance.value, cursor, project_id],
  );
  const projects = useProjects();
  const here = (projects.data ?? []).filter(({ instance_id }) => instance_id === instance.value);
  return (
    <Page title="Gallery" lead="Pictures that were made, or taken over, for this instance.">
      {here.length > 0 && (
        <div class="filters">
          <FilterSelect
            label="Project"
            name="project_id"
            options={here.map(({ id, name }) => [id, name] as const)}
          />
        </div>
      )}
      <Resource
        of={assets}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <>
            <h2>No pictures here</h2>
            <p>
              {cursor || project_id
                ? "None meets what is asked for."
                : "What you generate comes here by itself."}
            </p>
            {!cursor && !project_id && <a href="/">Generate one</a>}
          </>
        }
      >
        {({ data, next_cursor }) => (
          <>
            <ul class="gallery">
              {data.map((asset) => (
                <li key={asset.id}>
                  <button type="button" class="picture-button" onClick={() => change({ asset: asset.id })}>
                    <Picture alt={altOf(asset)} asset={asset} isLazy />
                  </button>
                  <p class="small">
                    <span class="gallery-model">{asset.model_id ?? asset.provider_id ?? "taken over"}</span>
                    <span class="quiet">
                      <Time at={asset.created_at} />
                    </span>
                  </p>
                </li>
              ))}
            </ul>
            <div class="table-foot">
              <Pager next={next_cursor} shown={data.length} />
            </div>
          </>
        )}
      </Resource>
      {query.asset && (
        <AssetDialog
          id={query.asset}
          onClose={() => change({ asset: null })}
          onDeleted={() => void assets.reload()}
        />
      )}
      {query.receipt && <ReceiptDialog id={query.receipt} onClose={() => change({ receipt: null })} />}
    </Page>
  );
}
