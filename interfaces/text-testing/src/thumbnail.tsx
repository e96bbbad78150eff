import { useEffect, useState } from "preact/hooks";
import type { Picture } from "./types.ts";

/** A picture of a prompt. */
export function Thumbnail({ picture }: { picture: Picture }) {
  const [source, setSource] = useState<string | undefined>();
  useEffect(() => {
    const made = URL.createObjectURL(picture.blob);
    setSource(made);
    return () => URL.revokeObjectURL(made);
  }, [picture.blob]);
  return <img class="thumbnail" src={source} alt={picture.name} title={picture.name} />;
}
