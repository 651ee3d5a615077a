(function () {
  'use strict';
  var table = document.querySelector('table.pf');
  if (!table) { return; }
  var rows = Array.prototype.slice.call(table.tBodies[0].rows).filter(function (row) { return row.hasAttribute('data-worst'); });
  var bar = document.createElement('div');
  bar.className = 'find';
  var input = document.createElement('input');
  input.type = 'search';
  input.placeholder = 'Find a case, machine or missing log';
  input.setAttribute('aria-label', input.placeholder);
  bar.appendChild(input);
  var boxes = [];
  var kinds = rows.map(function (row) { return row.getAttribute('data-worst'); });
  kinds.filter(function (word, place) { return kinds.indexOf(word) === place; }).forEach(function (word) {
    var label = document.createElement('label');
    var box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.value = word;
    label.appendChild(box);
    label.appendChild(document.createTextNode(word.replace('_', ' ')));
    bar.appendChild(label);
    boxes.push(box);
  });
  var count = document.createElement('span');
  count.setAttribute('aria-live', 'polite');
  bar.appendChild(count);
  function filter() {
    var words = input.value.toLowerCase().split(/\s+/);
    var shown = boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    var left = 0;
    rows.forEach(function (row) {
      var text = row.textContent.toLowerCase();
      var fits = shown.indexOf(row.getAttribute('data-worst')) >= 0 && words.every(function (word) { return text.indexOf(word) >= 0; });
      row.hidden = !fits;
      left += fits ? 1 : 0;
    });
    count.textContent = left === rows.length ? '' : left + ' of ' + rows.length;
  }
  bar.addEventListener('input', filter);
  table.parentNode.parentNode.insertBefore(bar, table.parentNode);
})();
