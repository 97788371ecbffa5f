import { LabIcon } from '@jupyterlab/ui-components';

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">
<g class="jp-icon3" fill="#616161">
<rect x="8" y="2" width="8" height="5.5" rx="1.6"/>
<rect x="2" y="16.5" width="8" height="5.5" rx="1.6"/>
<rect x="14" y="16.5" width="8" height="5.5" rx="1.6"/>
<path d="M11.2 7.5h1.6v3.7h6v5.3h-1.6v-3.7H6.8v3.7H5.2v-5.3h6z"/>
</g></svg>`;

/** Three nodes of a flow. */
export const flowIcon = new LabIcon({ name: 'pf-jupyter:flow', svgstr: SVG });
