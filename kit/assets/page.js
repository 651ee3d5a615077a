(function () {
  'use strict';
  var root = document.documentElement;
  root.classList.add('js');
  var tokens = TOKENS;
  var words = WORDS;
  var locale = LOCALE;
  var media = { dark: matchMedia('(prefers-color-scheme: dark)'), print: matchMedia('print'), coarse: matchMedia('(pointer: coarse)') };
  var host = document.querySelector('.kit');
  var drawn = [];

  function themed(text) {
    var found = getComputedStyle(host);
    return text.replace(/#[0-9a-f]{6}\b/g, function (colour) {
      return tokens[colour] ? found.getPropertyValue('--' + tokens[colour]).trim() || colour : colour;
    });
  }
  function draw(place, printing) {
    var spec = JSON.parse(themed(place.source));
    spec.layout.autosize = true;
    if (printing) { spec.layout.width = 680; }
    if (media.coarse.matches) { spec.layout.dragmode = false; }
    var config = { displayModeBar: false, responsive: !printing, doubleClick: 'reset', showTips: false, staticPlot: !!printing, locale: 'own', locales: { own: { dictionary: {}, format: locale.format } } };
    spec.layout.separators = locale.separators;
    return Plotly.react(place.box, spec.data, spec.layout, config);
  }
  function drawAll(printing) { drawn.forEach(function (place) { if (printing || place.seen) { draw(place, printing); } }); }
  var many = document.querySelectorAll('.plot').length > 8 && 'IntersectionObserver' in window && !media.print.matches;
  var watcher = many && new IntersectionObserver(function (found) {
    found.forEach(function (entry) {
      var place = entry.isIntersecting && drawn.filter(function (one) { return one.box === entry.target; })[0];
      if (place && !place.seen) { watcher.unobserve(place.box); show(place); }
    });
  }, { rootMargin: '900px 0px' });
  function show(place) {
    place.seen = true;
    draw(place, media.print.matches);
    place.box.on('plotly_click', function (event) {
      var target = event.points[0] && event.points[0].customdata;
      if (typeof target === 'string' && target.charAt(0) === '#' && target.length > 1) { location.hash = target; }
    });
  }
  document.querySelectorAll('.plot').forEach(function (box) {
    var source = document.querySelector('script[data-for="' + box.id + '"]');
    var place = { box: box, source: source.textContent };
    if (typeof Plotly === 'undefined') {
      box.textContent = words['This figure could not be drawn; its numbers stand below.'];
      return;
    }
    drawn.push(place);
    if (watcher) { watcher.observe(box); } else { show(place); }
  });
  var shown = watcher || document.querySelector('.plot .main-svg');
  root.setAttribute('data-figures', String(shown ? drawn.length : 0));
  media.dark.addEventListener('change', function () { drawAll(media.print.matches); });
  media.print.addEventListener('change', function (event) { drawAll(event.matches); });

  document.querySelectorAll('.cmd').forEach(function (box) {
    var button = document.createElement('button');
    button.type = 'button';
    button.textContent = words.Copy;
    button.addEventListener('click', function () {
      var code = box.querySelector('code');
      function said(word) { button.textContent = word; setTimeout(function () { button.textContent = words.Copy; }, 1500); }
      function select() { getSelection().selectAllChildren(code); said(words.Selected); }
      if (navigator.clipboard) { navigator.clipboard.writeText(code.textContent).then(function () { said(words.Copied); }, select); } else { select(); }
    });
    box.appendChild(button);
  });
  document.querySelectorAll('.strip').forEach(function (strip) {
    var out = strip.parentNode.querySelector('.readout');
    strip.querySelectorAll('a.c').forEach(function (cell) {
      function show() { out.textContent = cell.title; }
      cell.addEventListener('mouseenter', show);
      cell.addEventListener('focus', show);
    });
  });
  document.querySelectorAll('.id[title]').forEach(function (short) {
    short.addEventListener('copy', function (event) {
      if (getSelection().toString().trim() === short.textContent) { event.clipboardData.setData('text/plain', short.title); event.preventDefault(); }
    });
  });
  var named = 'caption, summary, figcaption, h3';
  function reach(box) {
    var scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
    if (!scrolls) { ['tabindex', 'role', 'aria-label'].forEach(function (name) { box.removeAttribute(name); }); return; }
    var label = box.querySelector('caption') || box.parentNode.querySelector(named) || document.querySelector('h1');
    box.tabIndex = 0;
    box.setAttribute('role', 'group');
    box.setAttribute('aria-label', label.textContent.replace(/\s+/g, ' ').trim());
  }
  var sizes = 'ResizeObserver' in window && new ResizeObserver(function (found) { found.forEach(function (one) { reach(one.target); }); });
  document.querySelectorAll('.tw, .amends pre').forEach(function (box) { if (sizes) { sizes.observe(box); } else { reach(box); } });
  function reveal() {
    var id = decodeURIComponent(location.hash.slice(1));
    var target = id && document.getElementById(id);
    for (var at = target; at; at = at.parentElement) { if (at.tagName === 'DETAILS') { at.open = true; } }
    if (target) { target.scrollIntoView(); }
  }
  addEventListener('hashchange', reveal);
  reveal();
  var opened = [];
  addEventListener('beforeprint', function () {
    opened = Array.prototype.filter.call(document.querySelectorAll('details:not(.numbers):not(.appendix):not(.folded)'), function (one) { return !one.open; });
    opened.forEach(function (one) { one.open = true; });
    drawAll(true);
  });
  addEventListener('afterprint', function () { opened.forEach(function (one) { one.open = false; }); drawAll(false); });
})();
