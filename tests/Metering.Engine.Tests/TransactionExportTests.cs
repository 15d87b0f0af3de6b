using System.IO.Pipelines;
using System.Text;
using Metering.Conformance;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Metering.Engine.Tests;

/// <summary>The export's own promises: bounded reading, back-pressure, safe cells.</summary>
public sealed class TransactionExportTests
{
    private static readonly AccountId Account = new("account-1");

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("", "")]
    [InlineData("=SUM(A1)", "'=SUM(A1)")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@cmd", "'@cmd")]
    [InlineData("\tx", "'\tx")]
    [InlineData("＝1", "'＝1")]
    [InlineData("＋1", "'＋1")]
    [InlineData("－1", "'－1")]
    [InlineData("＠x", "'＠x")]
    [InlineData("'quoted", "''quoted")]
    [InlineData("a,b", "\"a,b\"")]
    [InlineData("say \"hi\"", "\"say \"\"hi\"\"\"")]
    [InlineData("=1,\"2\"", "\"'=1,\"\"2\"\"\"")]
    [InlineData("two\r\nlines", "\"two\r\nlines\"")]
    [InlineData("\r\n=1", "\"'\r\n=1\"")]
    public void A_cell_can_be_opened_in_a_spreadsheet_and_read_back(string text, string cell)
    {
        Assert.Equal(cell, CsvLines.Cell(text));
        var unquoted = cell.StartsWith('"') ? cell[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : cell;
        Assert.Equal(text, unquoted.StartsWith('\'') ? unquoted[1..] : unquoted);
    }

    [Theory]
    [InlineData(0, ExportFormat.Csv)]
    [InlineData(1, ExportFormat.Csv)]
    [InlineData(0, ExportFormat.Ndjson)]
    [InlineData(1, ExportFormat.Ndjson)]
    public async Task A_long_line_keeps_every_character_wherever_it_lies(int before, ExportFormat format)
    {
        // At even places and at odd ones: no buffer's end may cut a character that takes two code units.
        var description = new string('x', before) + string.Concat(Enumerable.Repeat("😀", 400));
        await using var store = new MemoryLedgerStore();
        await FillAsync(store, 3, description);
        var text = await TextAsync((await TransactionExport.OpenAsync(store, Account, new())).Value, format);
        Assert.DoesNotContain('\uFFFD', text);
        var lines = text.Split('\n').Where(line => line.Contains("DEDUCTION", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, lines.Count);
        Assert.All(lines, line => Assert.Equal(
            description, format == ExportFormat.Csv ? line.Split(',')[5] : System.Text.Json.JsonElement.Parse(line).GetProperty("description").GetString()));
    }

    [Fact]
    public async Task A_line_of_json_has_no_character_that_ends_a_line()
    {
        await using var store = new MemoryLedgerStore();
        await FillAsync(store, 1, "a\u2028b\u2029c \"Ł\" <x> 😀");
        var line = Assert.Single((await ExportAsync(store, new())).Split('\n', StringSplitOptions.RemoveEmptyEntries), one => one.Contains("DEDUCTION", StringComparison.Ordinal));
        Assert.Equal("a\u2028b\u2029c \"Ł\" <x> 😀", System.Text.Json.JsonElement.Parse(line).GetProperty("description").GetString());
        Assert.DoesNotContain('\u2028', line);
        Assert.DoesNotContain('\u2029', line);
        Assert.Contains("Ł\\\" <x>", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_reads_no_further_than_its_reader_keeps_up_with()
    {
        await using var memory = new MemoryLedgerStore();
        await FillAsync(memory, 5_000, new string('x', 500));
        var store = new CountingStore(memory);
        var export = (await TransactionExport.OpenAsync(store, Account, new())).Value;
        var pipe = new Pipe(new(pauseWriterThreshold: 128 << 10, resumeWriterThreshold: 64 << 10, useSynchronizationContext: false));
        var writing = export.WriteAsync(pipe.Writer, ExportFormat.Ndjson, withAccount: false, withHeader: false).AsTask();
        Assert.False(writing.IsCompleted);
        Assert.InRange(store.RowsRead, 1, 1_200);

        // Taken bit by bit, it goes on; once the reader leaves, it ends.
        var taken = await pipe.Reader.ReadAsync();
        pipe.Reader.AdvanceTo(taken.Buffer.End);
        Assert.InRange(store.RowsRead, 1, 2_400);
        await pipe.Reader.CompleteAsync();
        await writing;
        Assert.True(export.Remaining > 0);
    }

    [Fact]
    public async Task What_is_written_while_it_runs_is_not_in_it()
    {
        await using var store = new MemoryLedgerStore();
        await FillAsync(store, 10, "before");
        var export = (await TransactionExport.OpenAsync(store, Account, new())).Value;
        await FillAsync(store, 10, "after");
        Assert.DoesNotContain("after", await TextAsync(export), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Entries_that_are_archived_under_its_feet_are_told_of()
    {
        await using var memory = new MemoryLedgerStore();
        await FillAsync(memory, 200, "x");
        var export = (await TransactionExport.OpenAsync(new SkippingStore(memory), Account, new())).Value;
        var error = await Assert.ThrowsAsync<LedgerUnavailableException>(() => TextAsync(export));
        Assert.Contains("archived while they were exported", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task From_finds_its_beginning_without_reading_everything()
    {
        await using var memory = new MemoryLedgerStore();
        var clock = new ManualTimeProvider(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await FillAsync(memory, 2_000, "x", clock, TimeSpan.FromSeconds(1));
        var store = new CountingStore(memory);
        var export = (await TransactionExport.OpenAsync(store, Account, new() { From = clock.GetUtcNow() - TimeSpan.FromSeconds(9) })).Value;
        Assert.Equal(10, (await TextAsync(export)).Count(character => character == '\n'));
        Assert.InRange(store.RowsRead, 10, 40);
    }

    [Fact]
    public async Task To_ends_the_reading()
    {
        await using var memory = new MemoryLedgerStore();
        var (start, clock) = (new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero), new ManualTimeProvider(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        await FillAsync(memory, 2_000, "x", clock, TimeSpan.FromSeconds(1));
        var store = new CountingStore(memory);
        var export = (await TransactionExport.OpenAsync(store, Account, new() { From = start.AddSeconds(1), To = start.AddSeconds(10) })).Value;
        Assert.Equal(9, (await TextAsync(export)).Count(character => character == '\n'));
        Assert.InRange(store.RowsRead, 9, 100);
        Assert.Equal(0, export.Remaining);
    }

    private static async Task FillAsync(ILedgerStore store, int calls, string description, ManualTimeProvider? clock = null, TimeSpan step = default)
    {
        clock ??= new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var meter = new EmbeddedCreditMeter(store, new(), clock, NullLogger<EmbeddedCreditMeter>.Instance);
        await meter.OpenAccountAsync(Account, new() { Plan = "starter" });
        await meter.GrantAsync(Account, new() { Source = GrantSource.Purchase, Amount = Credits.Of(1_000_000), Description = "Credits" });
        for (var call = 0; call < calls; call++)
        {
            clock.Advance(step);
            Assert.True((await meter.DeductAsync(Account, new() { Amount = Credits.Of(1), Description = description })).IsSuccess);
        }
    }

    private static async Task<string> ExportAsync(ILedgerStore store, ExportQuery query) => await TextAsync((await TransactionExport.OpenAsync(store, Account, query)).Value);

    private static async Task<string> TextAsync(TransactionExport export, ExportFormat format = ExportFormat.Ndjson)
    {
        var bytes = new MemoryStream();
        var writer = PipeWriter.Create(bytes, new(leaveOpen: true));
        await export.WriteAsync(writer, format, withAccount: false, withHeader: false);
        await writer.CompleteAsync();
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private sealed class CountingStore(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        public long RowsRead { get; private set; }

        public override async ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default)
        {
            var rows = await base.ReadAsync(account, fromSequence, limit, cancellationToken);
            RowsRead += rows.Count;
            return rows;
        }
    }

    private sealed class SkippingStore(ILedgerStore inner) : DelegatingLedgerStore(inner)
    {
        public override ValueTask<IReadOnlyList<LedgerRow>> ReadAsync(AccountId account, long fromSequence, int limit, CancellationToken cancellationToken = default) =>
            base.ReadAsync(account, fromSequence > 1 ? fromSequence + 50 : fromSequence, limit, cancellationToken);
    }
}
