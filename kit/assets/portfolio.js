(function () {
  'use strict';
  var said = WORDS;
  var bar = document.getElementById('find');
  var rows = Array.prototype.slice.call(document.querySelectorAll('table.pf tbody tr'));
  var words = document.getElementById('words');
  var left = document.getElementById('left');
  var boxes = Array.prototype.slice.call(bar.querySelectorAll('input[type=checkbox]'));
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  function chosen(kind) {
    return boxes.filter(function (box) { return box.checked && box.getAttribute('data-kind') === kind; })
      .map(function (box) { return box.value; });
  }
  function filter() {
    var asked = words.value.toLowerCase().split(/\s+/);
    var worst = chosen('worst');
    var marks = chosen('mark');
    var count = 0;
    rows.forEach(function (row, place) {
      var own = row.getAttribute('data-marks').split(' ');
      var fits = (!worst.length || worst.indexOf(row.getAttribute('data-worst')) >= 0) &&
        marks.every(function (mark) { return own.indexOf(mark) >= 0; }) &&
        asked.every(function (word) { return texts[place].indexOf(word) >= 0; });
      row.hidden = !fits;
      count += fits ? 1 : 0;
    });
    left.textContent = count === rows.length ? '' : count ? said['{count} of {total} rows'].replace('{count}', count).replace('{total}', rows.length) : said['No row fits.'];
  }
  bar.hidden = false;
  bar.addEventListener('input', filter);
  filter();
})();
