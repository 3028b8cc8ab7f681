// Modules of Node that functions require and that need nothing of a system: see node.go. inspect is the text that console writes of a value.
(function (inspect) {
	'use strict';
	const has = (o, k) => Object.prototype.hasOwnProperty.call(o, k);
	const needString = s => {
		if (typeof s !== 'string') throw new TypeError('a string is needed');
		return s;
	};

	const escape = s => encodeURIComponent(s);
	const unescape = s => {
		try {
			return decodeURIComponent(s);
		} catch (e) {
			return s;
		}
	};
	const primitive = v => typeof v === 'string' || typeof v === 'boolean' || typeof v === 'bigint' || typeof v === 'number' && isFinite(v) ? String(v) : '';
	const stringify = (o, sep = '&', eq = '=') => {
		if (typeof o !== 'object' || o === null) return '';
		const out = [];
		for (const k of Object.keys(o)) {
			for (const v of Array.isArray(o[k]) ? o[k] : [o[k]]) out.push(escape(k) + eq + escape(primitive(v)));
		}
		return out.join(sep);
	};
	const parse = (text, sep = '&', eq = '=') => {
		const out = Object.create(null);
		if (typeof text !== 'string' || text === '') return out;
		for (const part of text.split(sep)) {
			if (part === '') continue;
			const i = part.indexOf(eq), clean = s => unescape(s.replace(/\+/g, ' '));
			const k = clean(i < 0 ? part : part.slice(0, i)), v = i < 0 ? '' : clean(part.slice(i + eq.length));
			if (!has(out, k)) out[k] = v;
			else if (Array.isArray(out[k])) out[k].push(v);
			else out[k] = [out[k], v];
		}
		return out;
	};

	const format = (first, ...rest) => {
		if (typeof first !== 'string') return [first, ...rest].map(inspect).join(' ');
		const text = first.replace(/%[sdifjoO%]/g, m => {
			if (m === '%%') return '%';
			if (rest.length === 0) return m;
			const v = rest.shift();
			switch (m) {
			case '%d': return String(Number(v));
			case '%i': return String(parseInt(v, 10));
			case '%f': return String(parseFloat(v));
			case '%j': return JSON.stringify(v);
			}
			return inspect(v);
		});
		return [text, ...rest.map(inspect)].join(' ');
	};
	const promisify = f => {
		if (typeof f !== 'function') throw new TypeError('promisify needs a function');
		return function (...args) {
			return new Promise((resolve, reject) => f.call(this, ...args, (err, v) => err ? reject(err) : resolve(v)));
		};
	};
	const inherits = (of, parent) => {
		of.super_ = parent;
		Object.setPrototypeOf(of.prototype, parent.prototype);
	};

	const normal = (path, absolute) => {
		const out = [];
		for (const p of path.split('/')) {
			if (p === '' || p === '.') continue;
			if (p !== '..') out.push(p);
			else if (out.length && out[out.length - 1] !== '..') out.pop();
			else if (!absolute) out.push('..');
		}
		return out.join('/');
	};
	const normalize = path => {
		const absolute = needString(path).startsWith('/'), text = normal(path, absolute);
		if (text === '') return absolute ? '/' : path.endsWith('/') ? './' : '.';
		return (absolute ? '/' : '') + text + (path.endsWith('/') ? '/' : '');
	};
	const trimmed = path => needString(path).replace(/(.)\/+$/, '$1');
	const basename = (path, ext = '') => {
		const base = trimmed(path).split('/').pop();
		return ext !== '' && base !== ext && base.endsWith(ext) ? base.slice(0, -ext.length) : base;
	};
	const extname = path => {
		const base = basename(path), i = base.lastIndexOf('.');
		return i > 0 ? base.slice(i) : '';
	};
	const dirname = path => {
		const text = trimmed(path), i = text.lastIndexOf('/');
		return i < 0 ? '.' : i === 0 ? '/' : trimmed(text.slice(0, i));
	};

	return {
		querystring: {stringify, parse, escape, unescape, encode: stringify, decode: parse},
		util: {format, inspect: v => inspect(v), promisify, inherits, isArray: Array.isArray},
		path: {join: (...parts) => normalize(parts.map(needString).filter(p => p !== '').join('/') || '.'), normalize, basename, extname, dirname, isAbsolute: p => needString(p).startsWith('/'), sep: '/', delimiter: ':'},
	};
})
