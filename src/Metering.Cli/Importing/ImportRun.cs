using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;

namespace Metering.Cli;

/// <summary>
/// Reads lines and lets them take effect, those of one account in their order, those of different accounts at once: a commit of the ledger
/// then carries many accounts.
/// </summary>
internal sealed class ImportRun(ImportLineReader reader, LineImport import, ImportReport report, IProgressDisplay progress, long all)
{
    // As many calls wait for the ledger at once as its commits pay for.
    private const int Lanes = 256;
    private const int WaitingInLane = 16;
    private const int ProgressEvery = 64;

    private readonly Channel<ImportLine>[] lanes = [.. Enumerable.Range(0, Lanes).Select(_ => Channel.CreateBounded<ImportLine>(new BoundedChannelOptions(WaitingInLane) { SingleReader = true, SingleWriter = true }))];
    private readonly Lock telling = new();
    private long done;

    // 40 bytes a line: a second line with an id would be taken for one that was imported before.
    private readonly Dictionary<UInt128, long> ids = [];

    /// <summary>Imports everything that a stream holds.</summary>
    /// <exception cref="OperationCanceledException">It was stopped; what took effect stays.</exception>
    public async Task RunAsync(Stream input, CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var workers = lanes.Select(lane => Task.Run(() => WorkAsync(lane.Reader, stopping), CancellationToken.None)).ToArray();
        try
        {
            await TextLines.ReadAsync(input, (number, text, isCut) => TakeAsync(number, text, isCut, stopping.Token), stopping.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // A lane failed: its own error, below, says more.
        }
        finally
        {
            foreach (var lane in lanes)
            {
                lane.Writer.Complete();
            }

            await Task.WhenAll(workers);
        }

        Tell(atEnd: true);
    }

    private async Task WorkAsync(ChannelReader<ImportLine> lines, CancellationTokenSource stopping)
    {
        try
        {
            await foreach (var line in lines.ReadAllAsync(stopping.Token))
            {
                await import.ApplyAsync(line, stopping.Token);
                Tell();
            }
        }
        catch (Exception)
        {
            // One that fails ends all; the first error is the one that is told.
            await stopping.CancelAsync();
            throw;
        }
    }

    private ValueTask TakeAsync(long number, ReadOnlySequence<byte> text, bool isCut, CancellationToken cancellationToken)
    {
        var (line, rejected) = isCut ? (null, new(number, null, null, $"The line is longer than {TextLines.MaxBytes} bytes.")) : reader.Read(number, text);
        if (line is not null && ShortHash(line.Id) is var hash && !ids.TryAdd(hash, number))
        {
            rejected = new(number, line.Id, "id", $"id is that of line {ids[hash]} of this file too; every line has one of its own.");
        }

        if (rejected is not null)
        {
            report.Reject(rejected);
            Tell();
            return default;
        }

        return lanes[(uint)line!.Account.GetHashCode() % Lanes].Writer.WriteAsync(line, cancellationToken);
    }

    private static UInt128 ShortHash(string id) => BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(id)));

    private void Tell(bool atEnd = false)
    {
        if (!atEnd && Interlocked.Increment(ref done) % ProgressEvery != 0)
        {
            return;
        }

        lock (telling)
        {
            progress.Set(Interlocked.Read(ref done), all);
        }
    }
}
