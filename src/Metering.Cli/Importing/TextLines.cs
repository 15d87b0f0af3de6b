using System.Buffers;
using System.IO.Pipelines;

namespace Metering.Cli;

/// <summary>Goes through the lines of a file that may be larger than memory. Lines without anything but blanks are passed over, and counted.</summary>
internal static class TextLines
{
    /// <summary>The longest line, in bytes; nothing that an import says takes more.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Hands on line by line; a longer one than <see cref="MaxBytes"/> comes cut, with the mark that it was.</summary>
    /// <param name="input">What is read.</param>
    /// <param name="take">Takes the line's number, from 1, its bytes, which are gone afterwards, and whether it was cut.</param>
    /// <param name="cancellationToken">Ends the reading between two lines.</param>
    public static async Task ReadAsync(Stream input, Func<long, ReadOnlySequence<byte>, bool, ValueTask> take, CancellationToken cancellationToken)
    {
        var reader = PipeReader.Create(input, new(bufferSize: 64 << 10));
        var (number, isCut) = (1L, false);
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                await HandOnAsync(take, number++, rest.Slice(0, end), isCut);
                isCut = false;
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (rest.Length > MaxBytes)
            {
                // The rest of the line is thrown away as it comes.
                isCut = true;
                rest = rest.Slice(rest.End);
            }

            if (read.IsCompleted)
            {
                await HandOnAsync(take, number, rest, isCut);
                await reader.CompleteAsync();
                return;
            }

            reader.AdvanceTo(rest.Start, rest.End);
        }
    }

    /// <summary>Counts the lines of a stream from where it stands, the last one with or without its end.</summary>
    public static async Task<long> CountAsync(Stream input, CancellationToken cancellationToken)
    {
        var buffer = new byte[128 << 10];
        var (lines, last) = (0L, (byte)'\n');
        for (int read; (read = await input.ReadAsync(buffer, cancellationToken)) > 0; last = buffer[read - 1])
        {
            lines += buffer.AsSpan(0, read).Count((byte)'\n');
        }

        return last == (byte)'\n' ? lines : lines + 1;
    }

    private static ValueTask HandOnAsync(Func<long, ReadOnlySequence<byte>, bool, ValueTask> take, long number, ReadOnlySequence<byte> line, bool isCut) =>
        isCut || !IsBlank(line) ? take(number, line, isCut) : default;

    private static bool IsBlank(ReadOnlySequence<byte> line)
    {
        foreach (var part in line)
        {
            if (part.Span.ContainsAnyExcept(" \t\r"u8))
            {
                return false;
            }
        }

        return true;
    }
}
