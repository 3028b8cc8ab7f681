// What a for await loop goes through: see forawait.go. Without Symbol.asyncIterator an iterator gives values, or promises of them.
(function (asyncIterator) {
	'use strict';
	const iterator = Symbol.iterator;
	return function (source) {
		if (source === null || source === undefined || typeof source[asyncIterator] !== 'function' && typeof source[iterator] !== 'function') {
			throw new TypeError('for await needs something that can be iterated');
		}
		const own = typeof source[asyncIterator] === 'function';
		const from = own ? source[asyncIterator]() : source[iterator]();
		let over = false;
		const next = async () => {
			try {
				let r = from.next();
				if (own) r = await r;
				if (typeof r !== 'object' || r === null) throw new TypeError('the iterator gave no object');
				if (r.done) {
					over = true;
					return {done: true};
				}
				return {done: false, value: own ? r.value : await r.value};
			} catch (e) {
				over = true;
				throw e;
			}
		};
		return {
			[iterator]() { return this; },
			next() { return {done: false, value: next()}; },
			return() {
				if (!over && typeof from.return === 'function') from.return();
				over = true;
				return {};
			},
		};
	};
})
