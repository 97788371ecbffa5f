"use strict";(self.rspackChunkpf_jupyter=self.rspackChunkpf_jupyter||[]).push([[232],{475(o,r,e){var p=e(601),t=e.n(p),a=e(314),n=(e.n(a))()(t());n.push([o.id,`/* Colours come from JupyterLab's theme alone, so that each theme is served. */

.pf-Panel,
.pf-RunView,
.pf-FlowSide {
  --pf-ok: var(--jp-success-color0, #1b5e20);
  --pf-no: var(--jp-error-color0, #b71c1c);
  --pf-go: var(--jp-brand-color0, #0d47a1);
  --pf-stop: var(--jp-warn-color0, #a13d00);
  --pf-line: var(--jp-border-color2);
  color: var(--jp-ui-font-color0);
  background: var(--jp-layout-color1);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  line-height: 1.45;
  overflow-y: auto;
  overflow-x: hidden;
}

[data-jp-theme-light='false'] .pf-Panel,
[data-jp-theme-light='false'] .pf-RunView,
[data-jp-theme-light='false'] .pf-FlowSide {
  --pf-ok: #7ee08a;
  --pf-no: #ff9b93;
  --pf-go: #86bdff;
  --pf-stop: #ffc46b;
}

.pf-Panel button,
.pf-FlowSide button,
.pf-RunView button,
.pf-Status {
  font: inherit;
  color: inherit;
  background: none;
  border: 0;
  cursor: pointer;
}

.pf-Panel :focus-visible,
.pf-FlowSide :focus-visible,
.pf-RunView :focus-visible,
.pf-Picker :focus-visible,
.pf-Status:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -1px;
}

/* sections */

.pf-Section {
  border-bottom: 1px solid var(--pf-line);
}

.pf-SectionHead {
  display: flex;
  align-items: center;
  position: sticky;
  top: 0;
  z-index: 1;
  background: var(--jp-layout-color2);
}

.pf-SectionHead h3 {
  flex: 1;
  margin: 0;
  font-size: var(--jp-ui-font-size1);
}

.pf-SectionHead h3 button {
  width: 100%;
  padding: 6px 8px;
  text-align: left;
  font-weight: 600;
}

.pf-Caret {
  display: inline-block;
  width: 0;
  margin-right: 8px;
  border: 4px solid transparent;
  border-left-color: currentcolor;
  border-right-width: 0;
  transition: transform 0.12s;
}

[aria-expanded='true'] > .pf-Caret {
  transform: rotate(90deg);
}

.pf-Add {
  width: 28px;
  height: 28px;
  font-size: 18px !important;
  line-height: 1 !important;
}

.pf-Add:hover,
.pf-ItemHead:is(button, summary):hover {
  background: var(--jp-layout-color2) !important;
}

.pf-SectionHead .pf-Add:hover {
  background: var(--jp-layout-color3) !important;
}

/* lists */

.pf-List,
.pf-Problems,
.pf-Packages,
.pf-Checks ul {
  list-style: none;
  margin: 0;
  padding: 0;
}

.pf-Item + .pf-Item {
  border-top: 1px solid var(--pf-line);
}

.pf-ItemHead {
  display: grid;
  grid-template-columns: minmax(0, 1fr) auto;
  gap: 0 8px;
  width: 100%;
  box-sizing: border-box;
  padding: 6px 10px !important;
  text-align: left;
  cursor: default;
}

.pf-ItemHead:is(button, summary) {
  cursor: pointer;
}

.pf-ItemName {
  font-weight: 600;
  overflow-wrap: anywhere;
}

.pf-ItemLine {
  grid-column: 1 / -1;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size0);
  font-weight: 400;
  overflow-wrap: anywhere;
}

.pf-ItemError {
  margin: 0 10px 8px;
  color: var(--pf-no);
  overflow-wrap: anywhere;
}

.pf-Badge {
  margin-left: 6px;
  padding: 0 6px;
  border: 1px solid currentcolor;
  border-radius: 9px;
  font-size: var(--jp-ui-font-size0);
  font-weight: 400;
  white-space: nowrap;
}

.pf-Badge.pf-mod-update {
  color: var(--pf-stop);
}

.pf-State {
  white-space: nowrap;
  font-size: var(--jp-ui-font-size0);
}

.pf-State.pf-mod-ready,
.pf-State.pf-mod-completed {
  color: var(--pf-ok);
}

.pf-State:is(.pf-mod-busy, .pf-mod-creating, .pf-mod-starting, .pf-mod-stopping, .pf-mod-running) {
  color: var(--pf-go);
}

.pf-State:is(.pf-mod-failed, .pf-mod-interrupted) {
  color: var(--pf-no);
}

.pf-State.pf-mod-canceled {
  color: var(--pf-stop);
}

/* states of a view */

.pf-Empty,
.pf-Busy,
.pf-Problem,
.pf-Offline {
  padding: 10px;
}

.pf-Empty p,
.pf-Problem p {
  margin: 0 0 8px;
}

.pf-Offline {
  background: var(--jp-layout-color3);
}

.pf-Problem {
  border-left: 3px solid var(--pf-no);
  margin: 8px;
  background: var(--jp-layout-color2);
  overflow-wrap: anywhere;
}

.pf-Problem strong {
  display: block;
  margin-bottom: 4px;
}

.pf-Problem.pf-mod-refused {
  border-left-color: var(--pf-stop);
}

.pf-Spinner {
  display: inline-block;
  width: 10px;
  height: 10px;
  margin-right: 4px;
  border: 2px solid var(--jp-border-color1);
  border-top-color: var(--jp-brand-color1);
  border-radius: 50%;
  animation: pf-turn 0.9s linear infinite;
}

@keyframes pf-turn {
  to {
    transform: rotate(1turn);
  }
}

@media (prefers-reduced-motion: reduce) {
  .pf-Spinner {
    animation: none;
  }
}

.pf-Work {
  border-bottom: 1px solid var(--pf-line);
}

.pf-Work .pf-ItemLine {
  display: block;
}

/* details */

.pf-Details,
.pf-Form,
.pf-RunForm {
  padding: 4px 10px 10px;
}

.pf-Details dl,
.pf-Values {
  display: grid;
  grid-template-columns: auto minmax(0, 1fr);
  gap: 2px 10px;
  margin: 4px 0 8px;
}

.pf-Details dt,
.pf-Values dt {
  color: var(--jp-ui-font-color1);
}

.pf-Details dd,
.pf-Values dd {
  margin: 0;
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}

.pf-Details h4 {
  margin: 8px 0 2px;
  font-size: var(--jp-ui-font-size0);
  color: var(--jp-ui-font-color1);
}

.pf-Packages {
  columns: 2 120px;
  font-size: var(--jp-ui-font-size0);
}

.pf-Log {
  max-height: 260px;
  overflow: auto;
  margin: 4px 0;
  padding: 6px 8px;
  background: var(--jp-layout-color0);
  border: 1px solid var(--pf-line);
  color: var(--jp-content-font-color0);
  font-family: var(--jp-code-font-family);
  font-size: var(--jp-code-font-size);
  line-height: 1.4;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}

.pf-Acts {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 6px;
  margin: 6px 0;
}

.pf-Panel .pf-Act,
.pf-FlowSide .pf-Act,
.pf-RunView .pf-Act {
  padding: 3px 10px;
  border: 1px solid var(--jp-border-color0, #757575);
  border-radius: 3px;
  background: var(--jp-layout-color1);
}

.pf-Act:hover {
  background: var(--jp-layout-color2) !important;
}

.pf-Panel .pf-Act.pf-mod-primary,
.pf-FlowSide .pf-Act.pf-mod-primary,
.pf-RunView .pf-Act.pf-mod-primary {
  border-color: transparent;
  background: #0b57b0;
  color: #fff;
}

.pf-Act.pf-mod-primary:hover {
  background: #084589 !important;
}

.pf-Act.pf-mod-danger {
  color: var(--pf-no) !important;
  border-color: var(--pf-no) !important;
}

.pf-Act[aria-disabled='true'] {
  opacity: 0.55;
  cursor: not-allowed !important;
}

.pf-Question {
  padding: 6px 10px;
  margin: 6px 0;
  border-left: 3px solid var(--pf-no);
  background: var(--jp-layout-color2);
}

.pf-Question p {
  margin: 0;
}

/* forms */

.pf-Form {
  border-bottom: 1px solid var(--pf-line);
  background: var(--jp-layout-color1);
}

.pf-Form label,
.pf-Install label,
.pf-Inputs label,
.pf-Choice label {
  display: block;
  margin: 6px 0;
}

.pf-Form :is(input, select),
.pf-Install input,
.pf-Inputs input {
  display: block;
  width: 100%;
  margin-top: 2px;
}

.pf-Form :is(input, select),
.pf-Install input,
.pf-Inputs input,
.pf-Where select {
  box-sizing: border-box;
  height: 28px;
  min-width: 0;
  padding: 0 6px;
  color: var(--jp-ui-font-color0);
  border: 1px solid var(--jp-border-color0, #757575);
  border-radius: 2px;
  background-color: var(--jp-layout-color0);
  font: inherit;
}

.pf-Inputs input::placeholder,
.pf-Form input::placeholder,
.pf-Install input::placeholder {
  color: var(--jp-ui-font-color1);
  opacity: 1;
  font-style: italic;
}

.pf-Row {
  display: flex;
  flex-wrap: wrap;
  gap: 0 8px;
}

.pf-Row label {
  flex: 1 1 80px;
  min-width: 0;
}

.pf-Wrong {
  color: var(--pf-no);
  font-size: var(--jp-ui-font-size0);
  margin: 0;
}

/* flows */

.pf-FlowText {
  min-width: 120px;
}

.pf-FlowSide {
  min-width: 160px;
}

.pf-RunForm {
  border-bottom: 1px solid var(--pf-line);
}

.pf-Where {
  display: flex;
  align-items: center;
  gap: 4px;
  min-width: 0;
}

.pf-Where select {
  max-width: 200px;
}

.pf-Inputs {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr));
  gap: 0 10px;
}

.pf-Outcome {
  font-weight: 600;
  margin: 6px 0;
}

.pf-Outcome.pf-mod-completed {
  color: var(--pf-ok);
}

.pf-Outcome.pf-mod-failed {
  color: var(--pf-no);
}

.pf-Graph {
  padding: 12px;
  overflow: auto;
  text-align: center;
}

.pf-Graph svg g[data-n] {
  cursor: pointer;
  outline: none;
}

.pf-Graph svg g[data-n]:focus-visible .x,
.pf-Graph svg g.pf-mod-selected .x {
  stroke: var(--jp-brand-color1);
  stroke-width: 3;
}

.pf-Selected {
  border-top: 1px solid var(--pf-line);
  padding: 4px 10px;
}

.pf-Selected h3 {
  margin: 6px 0;
}

.pf-Problems {
  border-bottom: 1px solid var(--pf-line);
}

.pf-Problems li {
  border-left: 3px solid var(--pf-no);
}

.pf-Problems li.pf-mod-warning {
  border-left-color: var(--pf-stop);
}

.pf-Problems button {
  width: 100%;
  padding: 4px 10px;
  text-align: left;
  overflow-wrap: anywhere;
}

.pf-Problems .pf-ItemLine {
  display: block;
}

.pf-Place {
  font-family: var(--jp-code-font-family);
  color: var(--jp-ui-font-color1);
}

.pf-Underline {
  text-decoration: underline wavy var(--jp-error-color1);
  text-decoration-skip-ink: none;
  text-underline-offset: 3px;
}

.pf-Underline.pf-mod-warning {
  text-decoration-color: var(--jp-warn-color1);
}

.pf-Tooltip {
  max-width: 480px;
  padding: 4px 8px;
  color: var(--jp-ui-font-color0);
  background: var(--jp-layout-color2);
  border: 1px solid var(--jp-border-color1);
}

.pf-Tooltip p {
  margin: 2px 0;
}

/* runs */

.pf-Run {
  max-width: 1000px;
  margin: 0 auto;
  padding: 12px;
}

.pf-Run h2 {
  display: inline-block;
  margin: 0 8px 0 0;
}

.pf-Node {
  border: 1px solid var(--pf-line);
  margin-bottom: 6px;
}

.pf-Node summary {
  padding: 6px 10px;
  cursor: pointer;
}

/* toolbar and status bar */

.pf-Picker {
  display: flex;
  align-items: center;
  gap: 4px;
}

.pf-PickerSelect {
  max-width: 190px;
  height: 24px;
  border: 1px solid transparent;
  border-radius: 3px;
  color: var(--jp-ui-font-color1);
  background: var(--jp-layout-color1);
  font: inherit;
  font-size: var(--jp-ui-font-size1);
  text-overflow: ellipsis;
}

.pf-PickerSelect:hover {
  border-color: var(--jp-border-color1);
}

.pf-Dot {
  display: inline-block;
  flex: none;
  width: 8px;
  height: 8px;
  border-radius: 50%;
  border: 1.5px solid var(--jp-ui-font-color2);
  box-sizing: border-box;
}

.pf-Dot.pf-mod-ready {
  border-color: var(--jp-success-color1);
  background: var(--jp-success-color1);
}

.pf-Dot:is(.pf-mod-busy, .pf-mod-creating, .pf-mod-starting, .pf-mod-stopping) {
  border-color: var(--jp-brand-color1);
  background: linear-gradient(90deg, var(--jp-brand-color1) 50%, transparent 50%);
}

.pf-Dot.pf-mod-failed {
  border-color: var(--jp-error-color1);
  background: var(--jp-error-color1);
  border-radius: 1px;
}

.pf-Status {
  height: 100%;
  padding: 0 6px;
  font-size: var(--jp-ui-font-size1);
  color: var(--jp-ui-font-color1);
  white-space: nowrap;
}

.pf-Choice select {
  display: block;
  width: 100%;
  margin-top: 4px;
}

.pf-Checks {
  max-height: 60vh;
  overflow: auto;
}

.pf-Checks li {
  margin-bottom: 6px;
}

.pf-Checks li > span:first-child {
  font-weight: 600;
}

.pf-Checks p {
  margin: 0;
  color: var(--jp-ui-font-color1);
}

.pf-Notice {
  margin: 6px 0;
  padding: 6px 10px;
  border: 1px solid var(--pf-stop);
  border-radius: 3px;
  background: var(--jp-layout-color2);
}

.pf-Notice p {
  margin: 0 0 4px;
}

.pf-Why {
  margin: 6px 0;
  padding-left: 8px;
  border-left: 3px solid var(--pf-stop);
}

/* names that people give know no bounds */
.pf-RunView :is(h2, h3, summary) {
  overflow-wrap: anywhere;
}
`,""]),e.d(r,{},{A:n})},314(o){o.exports=function(o){var r=[];return r.toString=function(){return this.map(function(r){var e="",p=void 0!==r[5];return r[4]&&(e+="@supports (".concat(r[4],") {")),r[2]&&(e+="@media ".concat(r[2]," {")),p&&(e+="@layer".concat(r[5].length>0?" ".concat(r[5]):""," {")),e+=o(r),p&&(e+="}"),r[2]&&(e+="}"),r[4]&&(e+="}"),e}).join("")},r.i=function(o,e,p,t,a){"string"==typeof o&&(o=[[null,o,void 0]]);var n={};if(p)for(var i=0;i<this.length;i++){var f=this[i][0];null!=f&&(n[f]=!0)}for(var l=0;l<o.length;l++){var d=[].concat(o[l]);p&&n[d[0]]||(void 0!==a&&(void 0===d[5]||(d[1]="@layer".concat(d[5].length>0?" ".concat(d[5]):""," {").concat(d[1],"}")),d[5]=a),e&&(d[2]&&(d[1]="@media ".concat(d[2]," {").concat(d[1],"}")),d[2]=e),t&&(d[4]?(d[1]="@supports (".concat(d[4],") {").concat(d[1],"}"),d[4]=t):d[4]="".concat(t)),r.push(d))}},r}},601(o){o.exports=function(o){return o[1]}},72(o){var r=[];function e(o){for(var e=-1,p=0;p<r.length;p++)if(r[p].identifier===o){e=p;break}return e}function p(o,p){for(var t={},a=[],n=0;n<o.length;n++){var i=o[n],f=p.base?i[0]+p.base:i[0],l=t[f]||0,d="".concat(f," ").concat(l);t[f]=l+1;var s=e(d),c={css:i[1],media:i[2],sourceMap:i[3],supports:i[4],layer:i[5]};if(-1!==s)r[s].references++,r[s].updater(c);else{var u=function(o,r){var e=r.domAPI(r);return e.update(o),function(r){r?(r.css!==o.css||r.media!==o.media||r.sourceMap!==o.sourceMap||r.supports!==o.supports||r.layer!==o.layer)&&e.update(o=r):e.remove()}}(c,p);p.byIndex=n,r.splice(n,0,{identifier:d,updater:u,references:1})}a.push(d)}return a}o.exports=function(o,t){var a=p(o=o||[],t=t||{});return function(o){o=o||[];for(var n=0;n<a.length;n++){var i=e(a[n]);r[i].references--}for(var f=p(o,t),l=0;l<a.length;l++){var d=e(a[l]);0===r[d].references&&(r[d].updater(),r.splice(d,1))}a=f}}},659(o){var r={};o.exports=function(o,e){var p=function(o){if(void 0===r[o]){var e=document.querySelector(o);if(window.HTMLIFrameElement&&e instanceof window.HTMLIFrameElement)try{e=e.contentDocument.head}catch(o){e=null}r[o]=e}return r[o]}(o);if(!p)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");p.appendChild(e)}},540(o){o.exports=function(o){var r=document.createElement("style");return o.setAttributes(r,o.attributes),o.insert(r,o.options),r}},56(o,r,e){o.exports=function(o){var r=e.nc;r&&o.setAttribute("nonce",r)}},206(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var r=o.insertStyleElement(o);return{update:function(e){var p,t,a;p="",e.supports&&(p+="@supports (".concat(e.supports,") {")),e.media&&(p+="@media ".concat(e.media," {")),(t=void 0!==e.layer)&&(p+="@layer".concat(e.layer.length>0?" ".concat(e.layer):""," {")),p+=e.css,t&&(p+="}"),e.media&&(p+="}"),e.supports&&(p+="}"),(a=e.sourceMap)&&"u">typeof btoa&&(p+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(a))))," */")),o.styleTagTransform(p,r,o.options)},remove:function(){var o;null===(o=r).parentNode||o.parentNode.removeChild(o)}}}},113(o){o.exports=function(o,r){if(r.styleSheet)r.styleSheet.cssText=o;else{for(;r.firstChild;)r.removeChild(r.firstChild);r.appendChild(document.createTextNode(o))}}},579(o,r,e){var p=e(72),t=e.n(p),a=e(206),n=e.n(a),i=e(659),f=e.n(i),l=e(56),d=e.n(l),s=e(540),c=e.n(s),u=e(113),m=e.n(u),v=e(475),x={};x.styleTagTransform=m(),x.setAttributes=d(),x.insert=f().bind(null,"head"),x.domAPI=n(),x.insertStyleElement=c(),t()(v.A,x),v.A&&v.A.locals&&v.A.locals}}]);