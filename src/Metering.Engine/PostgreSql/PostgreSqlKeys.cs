using System.Buffers.Binary;
using System.Data;
using Npgsql;

namespace Metering.Engine;

/// <summary>
/// Looks idempotency keys up. Commits index none of them: the engine asks only for keys that memory let go of, so a look-up reads the keys
/// beside the pages, and behind it the entries of an account are gathered into segments (table <c>key_segments</c>), once each.
/// </summary>
internal sealed class PostgreSqlKeys(NpgsqlDataSource source) : IAsyncDisposable
{
    // As in the function metering.find_key.
    private const int SegmentEntries = 32_768;
    private const int Buckets = 256;
    private const int HeaderBytes = (Buckets + 1) * sizeof(ushort);
    private const int EntryBytes = 8;

    private readonly Lock gate = new();
    private readonly HashSet<AccountId> gathering = [];
    private readonly CancellationTokenSource stopping = new();
    private Task last = Task.CompletedTask;

    /// <summary>The last entry with a key; 0 for none.</summary>
    public async ValueTask<long> FindAsync(AccountId account, UInt128 key, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            """
            SELECT f.first_sequence, f.keys, f.covered, (SELECT h.sequence FROM metering.heads h WHERE h.account = $1) FROM metering.find_key($1, $2) f
            """);
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, key);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = bytes });
        await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SingleRow, cancellationToken);
        await rows.ReadAsync(cancellationToken);
        if (!rows.IsDBNull(3) && rows.GetInt64(3) >= rows.GetInt64(2) + SegmentEntries)
        {
            Gather(account, rows.GetInt64(2) / SegmentEntries, rows.GetInt64(3) / SegmentEntries);
        }

        return rows.IsDBNull(1) ? 0 : LedgerPages.FindKey(rows.GetInt64(0), rows.GetFieldValue<byte[]>(1), key);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        Task running;
        lock (gate)
        {
            running = last;
        }

        await running;
        stopping.Dispose();
    }

    /// <summary>Gathers an account's segments behind the look-up, one account after the other.</summary>
    private void Gather(AccountId account, long from, long to)
    {
        lock (gate)
        {
            if (!stopping.IsCancellationRequested && gathering.Add(account))
            {
                last = GatherAsync(last, account, from, to);
            }
        }
    }

    private async Task GatherAsync(Task before, AccountId account, long from, long to)
    {
        await before;
        try
        {
            for (var segment = from; segment < to && !stopping.IsCancellationRequested; segment++)
            {
                await SaveAsync(account, segment, Pack(await ReadAsync(account, segment)));
            }
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            // Segments only shorten look-ups; the next one tries again.
        }

        lock (gate)
        {
            gathering.Remove(account);
        }
    }

    /// <summary>Place in the segment and key of each entry that has one, in ascending order.</summary>
    private async Task<List<(ushort Place, UInt128 Key)>> ReadAsync(AccountId account, long segment)
    {
        var first = (segment * SegmentEntries) + 1;
        await using var command = source.CreateCommand(
            """
            SELECT p.first_sequence, p.keys FROM metering.pages p
            WHERE p.account = $1 AND p.first_sequence BETWEEN $2 AND $3 AND p.last_sequence >= $4 AND p.keys IS NOT NULL ORDER BY p.first_sequence
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = first - LedgerPages.MaxEntries + 1 });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = first + SegmentEntries - 1 });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = first });
        await using var rows = await command.ExecuteReaderAsync(CommandBehavior.SingleResult);
        var result = new List<(ushort, UInt128)>(SegmentEntries);
        while (await rows.ReadAsync())
        {
            foreach (var (sequence, key) in LedgerPages.KeysOf(rows.GetInt64(0), rows.GetFieldValue<byte[]>(1)))
            {
                if (sequence >= first && sequence < first + SegmentEntries)
                {
                    result.Add(((ushort)(sequence - first), key));
                }
            }
        }

        return result;
    }

    /// <summary>Sorts by the key's first byte, keeping the order within: counted, then placed.</summary>
    private static byte[] Pack(List<(ushort Place, UInt128 Key)> entries)
    {
        var starts = new int[Buckets + 1];
        foreach (var (_, key) in entries)
        {
            starts[(int)(key >> 120) + 1]++;
        }

        var packed = new byte[HeaderBytes + (entries.Count * EntryBytes)];
        for (var bucket = 1; bucket <= Buckets; bucket++)
        {
            starts[bucket] += starts[bucket - 1];
            BinaryPrimitives.WriteUInt16BigEndian(packed.AsSpan(bucket * sizeof(ushort)), (ushort)starts[bucket]);
        }

        foreach (var (place, key) in entries)
        {
            var target = packed.AsSpan(HeaderBytes + (starts[(int)(key >> 120)]++ * EntryBytes), EntryBytes);
            BinaryPrimitives.WriteUInt64BigEndian(target, ((ulong)(key >> 56) & 0xFFFF_FFFF_FFFF_0000) | place);
        }

        return packed;
    }

    private async Task SaveAsync(AccountId account, long segment, byte[] packed)
    {
        await using var command = source.CreateCommand("INSERT INTO metering.key_segments (account, segment, keys) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = account.Value });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = segment });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = packed });
        await command.ExecuteNonQueryAsync();
    }
}
