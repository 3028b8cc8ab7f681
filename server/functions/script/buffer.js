// Node's Buffer, as far as functions of App Services use it. decode makes an ArrayBuffer of a string or of bytes, encode a string of bytes.
(function (decode, encode) {
  'use strict';
  class Buffer extends Uint8Array {
    constructor(from, encodingOrOffset, length) {
      if (typeof from === 'string') super(decode(from, encodingOrOffset));
      else super(from, encodingOrOffset, length);
    }
    static from(v, encodingOrOffset, length) {
      if (v !== null && typeof v === 'object') {
        if (v._bsontype) return new Buffer(decode(v));
        if (v.type === 'Buffer' && Array.isArray(v.data)) v = v.data;
      } else if (typeof v !== 'string') {
        throw new TypeError('a Buffer is made of a string, an array, bytes or another Buffer');
      }
      return new Buffer(v, encodingOrOffset, length);
    }
    static alloc(size, fill, encoding) {
      const b = new Buffer(Number(size));
      return fill === undefined ? b : b.fill(fill, 0, b.length, encoding);
    }
    static allocUnsafe(size) { return Buffer.alloc(size); }
    static concat(list, total) {
      if (total === undefined) total = list.reduce((n, b) => n + b.length, 0);
      const out = Buffer.alloc(total);
      let at = 0;
      for (const b of list) {
        if (at >= total) break;
        out.set(b.subarray(0, total - at), at);
        at += b.length;
      }
      return out;
    }
    static isBuffer(v) { return v instanceof Buffer; }
    static isEncoding(name) {
      try { decode('', name); return true; } catch (e) { return false; }
    }
    static byteLength(v, encoding) { return typeof v === 'string' ? decode(v, encoding).byteLength : v.byteLength; }
    static compare(a, b) { return Buffer.from(a).compare(b); }
    toString(encoding, start, end) { return encode(this.subarray(start, end), encoding); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    equals(other) { return this.compare(other) === 0; }
    compare(other) {
      const n = Math.min(this.length, other.length);
      for (let i = 0; i < n; i++) if (this[i] !== other[i]) return this[i] < other[i] ? -1 : 1;
      return Math.sign(this.length - other.length);
    }
    slice(start, end) { return this.subarray(start, end); }
    fill(v, start, end, encoding) {
      if (typeof v !== 'string') return super.fill(v, start, end);
      const from = new Buffer(v, encoding), to = end === undefined ? this.length : end;
      for (let i = start || 0, n = 0; i < to; i++, n++) this[i] = from.length ? from[n % from.length] : 0;
      return this;
    }
    write(text, offset, length, encoding) {
      if (typeof offset === 'string') [offset, length, encoding] = [0, undefined, offset];
      else if (typeof length === 'string') [length, encoding] = [undefined, length];
      offset = offset || 0;
      const from = new Buffer(text, encoding).subarray(0, Math.min(this.length - offset, length === undefined ? Infinity : length));
      this.set(from, offset);
      return from.length;
    }
    copy(to, at, start, end) {
      at = at || 0;
      const from = this.subarray(start || 0, end).subarray(0, to.length - at);
      to.set(from, at);
      return from.length;
    }
  }
  return Buffer;
})
