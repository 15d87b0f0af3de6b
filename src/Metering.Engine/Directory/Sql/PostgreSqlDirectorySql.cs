using Npgsql;
using NpgsqlTypes;

namespace Metering.Engine;

/// <summary>The directory's SQL on PostgreSQL.</summary>
internal sealed class PostgreSqlDirectorySql(NpgsqlDataSource source) : IDirectorySql
{
    public async ValueTask<List<T>> ReadAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadOnceAsync(sql, values, read, cancellationToken);
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error) && !PostgreSqlFailure.IsRolledBack(error))
        {
            // The server may have started anew since the connection's last use.
            source.Clear();
            return await Judged(() => ReadOnceAsync(sql, values, read, cancellationToken));
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.Unavailable(error);
        }
    }

    public ValueTask<T> CommitAsync<T>(Func<ISqlTransaction, ValueTask<T>> work, CancellationToken cancellationToken) => Judged(async () =>
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var running = new Transaction(connection, cancellationToken);

        // What was written must outlast the server whatever its own setting is.
        await running.RunAsync("SELECT set_config('synchronous_commit', 'on', true)", [], _ => true);
        var result = await work(running);
        await transaction.CommitAsync(cancellationToken);
        return result;
    });

    private static async ValueTask<T> Judged<T>(Func<ValueTask<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception error) when (PostgreSqlFailure.IsOfServer(error))
        {
            throw PostgreSqlFailure.Unavailable(error);
        }
    }

    private async ValueTask<List<T>> ReadOnceAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        return await new Transaction(connection, cancellationToken).RunAsync(sql, values, read);
    }

    private sealed class Transaction(NpgsqlConnection connection, CancellationToken cancellationToken) : ISqlTransaction
    {
        public async ValueTask<List<T>> RunAsync<T>(string sql, SqlValue[] values, Func<ISqlRow, T> read)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var value in values)
            {
                command.Parameters.Add(ParameterOf(value));
            }

            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            var (result, row) = (new List<T>(), new Row(rows));
            while (await rows.ReadAsync(cancellationToken))
            {
                result.Add(read(row));
            }

            return result;
        }

        private static NpgsqlParameter ParameterOf(SqlValue value) => new()
        {
            NpgsqlDbType = value.Kind switch
            {
                SqlKind.Text => NpgsqlDbType.Text,
                SqlKind.Number => NpgsqlDbType.Bigint,
                SqlKind.Bytes => NpgsqlDbType.Bytea,
                _ => throw new ArgumentOutOfRangeException(nameof(value), value.Kind, "Not a kind of parameter."),
            },
            Value = value.AsText ?? value.AsNumber ?? (object?)value.AsBytes ?? DBNull.Value,
        };
    }

    private sealed class Row(NpgsqlDataReader rows) : ISqlRow
    {
        public string? Text(int column) => rows.IsDBNull(column) ? null : rows.GetString(column);

        public long? Number(int column) => rows.IsDBNull(column) ? null : rows.GetInt64(column);

        public byte[]? Bytes(int column) => rows.IsDBNull(column) ? null : rows.GetFieldValue<byte[]>(column);
    }
}
