namespace Metering.Core;

/// <summary>The kept answers of calls that their entries cannot rebuild: calls for records and batches. Never a secret.</summary>
public static class AnswerCodec
{
    private const byte RecordsVersion = 1;
    private const byte BatchVersion = 2;

    /// <summary>The kept answer to a call for records.</summary>
    /// <param name="credits">The balance after the call.</param>
    /// <param name="verdicts">The verdicts, in the order of the request.</param>
    public static ReadOnlyMemory<byte> EncodeRecords(Credits credits, RecordVerdict[] verdicts)
    {
        var writer = new ByteWriter(16 + (verdicts.Length * 6));
        writer.Byte(RecordsVersion);
        writer.Credits(credits);
        writer.Unsigned((ulong)verdicts.Length);
        foreach (ref readonly var verdict in verdicts.AsSpan())
        {
            writer.Byte((byte)verdict.Status);
            writer.Credits(verdict.Charged);
            writer.Day(verdict.LastDay ?? default);
        }

        return writer.Written;
    }

    /// <summary>Reads what <see cref="EncodeRecords"/> wrote.</summary>
    /// <param name="answer">The kept answer.</param>
    /// <exception cref="LedgerFormatException">The bytes are damaged or of a newer version.</exception>
    public static (Credits Credits, RecordVerdict[] Verdicts) DecodeRecords(ReadOnlySpan<byte> answer)
    {
        var reader = new ByteReader(answer);
        Expect(RecordsVersion, reader.Byte());
        var credits = reader.Credits();
        var verdicts = new RecordVerdict[reader.Count(4)];
        for (var index = 0; index < verdicts.Length; index++)
        {
            var (status, charged, day) = (reader.Enumerated<RecordStatus>(3), reader.Credits(), reader.Day());
            verdicts[index] = new(status, charged, day.Number == 0 ? null : day);
        }

        return (credits, verdicts);
    }

    /// <summary>The kept answer to a batch.</summary>
    /// <param name="batch">The answer.</param>
    public static ReadOnlyMemory<byte> EncodeBatch(BatchDeduction batch)
    {
        var writer = new ByteWriter(16 + (batch.Items.Count * 40));
        writer.Byte(BatchVersion);
        writer.Credits(batch.Charged);
        writer.Credits(batch.Credits);
        writer.Unsigned((ulong)batch.Items.Count);
        foreach (var item in batch.Items)
        {
            writer.Byte(item.IsSuccess ? (byte)1 : (byte)0);
            if (item.TryGet(out var deduction, out var refusal))
            {
                writer.Unsigned((ulong)deduction.TransactionId.Number);
                writer.Fixed64(deduction.TransactionId.Tag);
                writer.Credits(deduction.Charged);
                writer.Credits(deduction.Credits);
                writer.Credits(deduction.Burned.Bonus);
                writer.Credits(deduction.Burned.Monthly);
                writer.Credits(deduction.Burned.Permanent);
            }
            else
            {
                Encode(refusal, writer);
            }
        }

        return writer.Written;
    }

    /// <summary>Reads what <see cref="EncodeBatch"/> wrote.</summary>
    /// <param name="answer">The kept answer.</param>
    /// <exception cref="LedgerFormatException">The bytes are damaged or of a newer version.</exception>
    public static BatchDeduction DecodeBatch(ReadOnlySpan<byte> answer)
    {
        var reader = new ByteReader(answer);
        Expect(BatchVersion, reader.Byte());
        var (charged, credits) = (reader.Credits(), reader.Credits());
        var items = new Outcome<Deduction>[reader.Count(4)];
        for (var index = 0; index < items.Length; index++)
        {
            items[index] = reader.Flag()
                ? new Deduction(
                    new(reader.Number(), reader.Fixed64()),
                    reader.Credits(),
                    reader.Credits(),
                    new(reader.Credits(), reader.Credits(), reader.Credits()))
                : DecodeRefusal(ref reader);
        }

        return new(charged, credits, items);
    }

    private static void Encode(Refusal refusal, ByteWriter writer)
    {
        writer.Text(refusal.Reason.ToString());
        writer.Text(refusal.Message);
        writer.OptionalText(refusal.Field);
        writer.Byte(refusal.Required is null ? (byte)0 : (byte)1);
        writer.Credits(refusal.Required ?? Credits.Zero);
        writer.Credits(refusal.Available ?? Credits.Zero);
        writer.OptionalText(refusal.RequiredLevel?.ToName());
    }

    private static Refusal DecodeRefusal(ref ByteReader reader)
    {
        if (!Enum.TryParse<RefusalReason>(reader.Text(), out var reason))
        {
            throw new LedgerFormatException("A kept answer holds a refusal that this build does not know.");
        }

        var (message, field) = (reader.Text(), reader.OptionalText());
        var (hasCredits, required, available) = (reader.Flag(), reader.Credits(), reader.Credits());
        var level = reader.OptionalText();
        return new(reason, message)
        {
            Field = field,
            Required = hasCredits ? required : null,
            Available = hasCredits ? available : null,
            RequiredLevel = level is not null && AccessLevels.TryParse(level, out var parsed) ? parsed : null,
        };
    }

    private static void Expect(byte expected, byte actual)
    {
        if (expected != actual)
        {
            throw new LedgerFormatException($"A kept answer has format {actual} where {expected} was expected.");
        }
    }
}
