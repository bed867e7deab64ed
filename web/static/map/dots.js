// Draws all points as dots: by WebGL, which does not mind how many, or by plain canvas.

const MOST_COLOURS = 64;
const SHAPES = ["circle", "square", "triangle", "diamond"];
const SMALLEST = 2.4;
const LARGEST = 13;
const PIXELS_BELOW = 5;
const FAINT = 0.1;
const OPAQUE = 0.85;

const VERTEX = `
attribute vec3 point;
uniform vec2 centre, scale;
uniform float size;
uniform vec4 colours[${MOST_COLOURS}];
uniform float shapes[${MOST_COLOURS}];
varying vec4 colour;
varying float shape;
void main() {
  int category = int(point.z + 0.5);
  colour = colours[category];
  shape = shapes[category];
  gl_Position = vec4((point.xy - centre) * scale, 0.0, 1.0);
  if (colour.a == 0.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = shape < 0.5 ? size : size * 1.1;
}`;

const FRAGMENT = `
precision mediump float;
varying vec4 colour;
varying float shape;
uniform float soft;
void main() {
  vec2 p = gl_PointCoord * 2.0 - 1.0;
  float edge;
  if (shape < 0.5) edge = length(p);
  else if (shape < 1.5) edge = max(abs(p.x), abs(p.y)) * 1.15;
  else if (shape < 2.5) edge = max(p.y, 2.0 * abs(p.x) - p.y);
  else edge = abs(p.x) + abs(p.y);
  float alpha = colour.a * (1.0 - smoothstep(1.0 - soft, 1.0, edge));
  if (alpha < 0.01) discard;
  gl_FragColor = vec4(colour.rgb * alpha, alpha);
}`;

// How wide a dot is: more where there is room for it.
export function dotSize(view, count) {
  const room = Math.sqrt((view.width * view.height) / Math.max(count, 1));
  return Math.min(Math.max(0.32 * room, SMALLEST) * 2 ** (0.4 * view.zoom), LARGEST);
}

export function makeDots(canvas, points, marks) {
  const options = { antialias: false, depth: false };
  const gl = hasCard() ? canvas.getContext("webgl2", options) || canvas.getContext("webgl", options) : null;
  return gl ? new GlDots(gl, canvas, points, marks) : new PlainDots(canvas, points, marks);
}

// Whether a graphics card would draw: WebGL done in software is slower than pixels of our own. Asked
// of another canvas, since one that has begun with WebGL does nothing else.
function hasCard() {
  const gl = document.createElement("canvas").getContext("webgl", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const more = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

class GlDots {
  constructor(gl, canvas, points, marks) {
    Object.assign(this, { gl, canvas, points, marks, lost: false });
    this.setUp();
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lost = true;
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.setUp();
      this.lost = false;
    });
  }

  setUp() {
    const { gl, points } = this;
    this.program = link(gl, VERTEX, FRAGMENT);
    gl.useProgram(this.program);
    this.at = (name) => gl.getUniformLocation(this.program, name);
    const data = new Float32Array(3 * points.count);
    for (let i = 0; i < points.count; i += 1) {
      data[3 * i] = points.x[i];
      data[3 * i + 1] = points.y[i];
      data[3 * i + 2] = Math.min(points.category[i], MOST_COLOURS - 1);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    const place = gl.getAttribLocation(this.program, "point");
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 3, gl.FLOAT, false, 0, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const shapes = new Float32Array(MOST_COLOURS);
    this.marks.forEach(({ shape }, i) => { if (i < MOST_COLOURS) shapes[i] = SHAPES.indexOf(shape); });
    gl.uniform1fv(this.at("shapes"), shapes);
  }

  draw(view, ratio, lit) {
    if (this.lost) return;
    const { gl, canvas, points } = this;
    const size = dotSize(view, points.count) * ratio;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.at("centre"), view.x, view.y);
    gl.uniform2f(this.at("scale"), (2 * view.scale) / view.width, (-2 * view.scale) / view.height);
    gl.uniform1f(this.at("size"), size);
    gl.uniform1f(this.at("soft"), Math.min(1, 3 / size));
    gl.uniform4fv(this.at("colours"), this.colours(lit));
    gl.drawArrays(gl.POINTS, 0, points.count);
  }

  colours(lit) {
    const colours = new Float32Array(4 * MOST_COLOURS);
    this.marks.slice(0, MOST_COLOURS).forEach(({ colour }, i) => {
      colours.set([...rgbOf(colour).map((part) => part / 255), alphaOf(this.points, i, lit)], 4 * i);
    });
    return colours;
  }
}

class PlainDots {
  constructor(canvas, points, marks) {
    Object.assign(this, { canvas, points, marks, context: canvas.getContext("2d") });
  }

  draw(view, ratio, lit) {
    const size = dotSize(view, this.points.count) * ratio;
    if (size < PIXELS_BELOW) this.drawPixels(view, ratio, lit, Math.round(size));
    else this.drawShapes(view, ratio, lit, size);
  }

  // Small dots are many: as squares straight into the pixels they take a few milliseconds.
  drawPixels(view, ratio, lit, side) {
    const { context, canvas, points } = this;
    const { width, height } = canvas;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = this.marks.map(({ colour }, i) => pixelOf(colour, alphaOf(points, i, lit)));
    const scale = view.scale * ratio;
    const [originX, originY] = view.toScreen(0, 0).map((place) => place * ratio - side / 2);
    points.within(view.bounds, (i) => {
      const left = Math.round(points.x[i] * scale + originX);
      const top = Math.round(points.y[i] * scale + originY);
      if (left < 0 || left + side > width || top < 0 || top + side > height) return;
      const colour = colours[points.category[i]];
      for (let row = top * width + left; row < (top + side) * width; row += width) {
        for (let pixel = row; pixel < row + side; pixel += 1) pixels[pixel] = colour;
      }
    });
    context.putImageData(image, 0, 0);
  }

  // One path for each category: few changes of colour, whatever the number of points.
  drawShapes(view, ratio, lit, size) {
    const { context, canvas, points } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    const byCategory = this.marks.map(() => []);
    points.within(view.bounds, (i) => { byCategory[points.category[i]].push(i); });
    byCategory.forEach((members, category) => {
      context.globalAlpha = alphaOf(points, category, lit);
      context.fillStyle = this.marks[category].colour;
      context.beginPath();
      for (const i of members) {
        const [left, top] = view.toScreen(points.x[i], points.y[i]);
        trace(context, this.marks[category].shape, left * ratio, top * ratio, size / 2);
      }
      context.fill();
    });
  }
}

function trace(context, shape, x, y, r) {
  if (r < 2 || shape === "square") context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
  else if (shape === "circle") {
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
  } else {
    const corners = shape === "diamond" ? [[0, -r], [r, 0], [0, r], [-r, 0]] : [[0, -r], [r, r], [-r, r]];
    corners.forEach(([dx, dy], i) => (i ? context.lineTo(x + dx, y + dy) : context.moveTo(x + dx, y + dy)));
    context.closePath();
  }
}

function alphaOf(points, category, lit) {
  if (points.hidden[category]) return 0;
  return lit === null || lit === category ? OPAQUE : FAINT;
}

function rgbOf(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// As the bytes red, green, blue, alpha are read on little-endian machines.
function pixelOf(colour, alpha) {
  const [red, green, blue] = rgbOf(colour);
  return ((Math.round(255 * alpha) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function link(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`WebGL: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
