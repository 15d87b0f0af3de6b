namespace Metering.Core.Tests;

public class IdTests
{
    [Fact]
    public void A_transaction_id_is_read_back_as_it_was_written()
    {
        var random = new Random(20260118);
        for (var round = 0; round < 5_000; round++)
        {
            var id = new TransactionId(1 + (random.NextInt64(long.MaxValue) >> random.Next(63)), (ulong)random.NextInt64(long.MinValue, long.MaxValue));
            var text = id.ToString();
            Assert.Equal(30, text.Length);
            Assert.True(TransactionId.TryParse(text, out var read));
            Assert.Equal(id, read);
        }
    }

    [Fact]
    public void Transaction_ids_sort_like_their_numbers()
    {
        var random = new Random(20260119);
        var texts = Enumerable.Range(1, 3_000).Select(number => new TransactionId(number, (ulong)random.NextInt64()).ToString()).ToList();
        Assert.Equal(texts, texts.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("txn_")]
    [InlineData("txn_0000000000000000000000001")]
    [InlineData("txn_000000000000000000000000011")]
    [InlineData("TXN_00000000000010000000000000")]
    [InlineData("txn_0000000000000G000000000000")]
    [InlineData("txn_0000000000000u000000000000")]
    [InlineData("txn_80000000000000000000000000")]
    [InlineData("txn_zzzzzzzzzzzzzzzzzzzzzzzzzz")]
    public void Other_texts_are_no_transaction_id(string? text)
    {
        Assert.False(TransactionId.TryParse(text, out var id));
        Assert.Equal(default, id);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void A_transaction_id_without_a_number_is_refused_and_leaves_the_default(long number)
    {
        Assert.False(TransactionId.TryParse(new TransactionId(number, 7).ToString(), out var id));
        Assert.Equal(default, id);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("Customer-1.2_3:4")]
    public void An_account_id_keeps_its_text(string text)
    {
        Assert.True(AccountId.TryParse(text, out var id));
        Assert.Equal(text, id.Value);
        Assert.Equal(text, id.ToString());
        Assert.Equal(new AccountId(text), id);
    }

    [Fact]
    public void An_account_id_has_1_to_128_characters()
    {
        Assert.True(AccountId.TryParse(new string('a', 128), out _));
        Assert.False(AccountId.TryParse(new string('a', 129), out _));
        Assert.False(AccountId.TryParse(string.Empty, out _));
        Assert.False(AccountId.TryParse(null, out _));
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("\u00e9")]
    [InlineData("a\0")]
    [InlineData("a\n")]
    public void An_account_id_has_no_other_characters(string text)
    {
        Assert.False(AccountId.TryParse(text, out var id));
        Assert.Equal(default, id);
        Assert.Throws<ArgumentException>(() => new AccountId(text));
    }

    [Fact]
    public void Account_ids_differ_in_case() => Assert.NotEqual(new AccountId("a"), new AccountId("A"));

    [Fact]
    public void A_record_key_tells_type_from_id()
    {
        Assert.Equal(RecordKey.Of("company", "1"), RecordKey.Of("company", "1"));
        Assert.NotEqual(RecordKey.Of("company", "1"), RecordKey.Of("contact", "1"));
        Assert.NotEqual(RecordKey.Of("ab", "c"), RecordKey.Of("a", "bc"));
        Assert.NotEqual(default, RecordKey.Of(new string('t', 64), new string('\uffff', 128)));
    }

    [Fact]
    public void Access_levels_are_named_as_in_configuration()
    {
        foreach (var level in Enum.GetValues<AccessLevel>())
        {
            Assert.True(AccessLevels.TryParse(level.ToName(), out var read));
            Assert.Equal(level, read);
        }

        Assert.False(AccessLevels.TryParse("Platform", out _));
        Assert.False(AccessLevels.TryParse(null, out _));
    }

    [Fact]
    public void Types_of_transactions_are_named_as_in_the_documents()
    {
        var names = Enum.GetValues<TransactionType>().Where(type => type != TransactionType.None).Select(type => type.ToName());
        Assert.Equal(
            ["DEDUCTION", "MONTHLY_RESET", "EXPIRATION", "BONUS", "COUPON", "ADJUSTMENT", "PURCHASE", "TOP_UP", "REFUND", "RESERVATION", "RELEASE"],
            names);
        Assert.Throws<ArgumentOutOfRangeException>(() => TransactionType.None.ToName());
    }
}
