/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pair of 8259As (Intel 231468; ELCR: ICH9, 13.4): requests, masks, priorities, EOIs, the cascade. The
 * boot processor has its interrupts off, and takes what INTR brings one by one in irq_taken(): without an
 * EOI, so that a test sees what is held back.
 */
#include "chips.h"

#define WINDOW_CYCLES 20000000      /* in which nothing is to come */
#define PATIENCE_CYCLES 6000000000 /* until something comes: it may be a device's */
#define QUEUE 32
#define IRQS 16
#define ELCR_MASTER 0xf8 /* IRQ 0, 1 and 2 are edges */
#define ELCR_SLAVE 0xde  /* IRQ 8 and 13 too */
#define ALL_BUT_CASCADE 0xfb

/* Written by the handler, on the boot processor alone. */
static volatile uint8_t queue[QUEUE];
static volatile uint32_t noted, read_out;

void irq_note(uint32_t vector)
{
	queue[noted % QUEUE] = (uint8_t)(vector - VECTOR_PIC);
	noted++;
}

static bool comes_within(uint64_t patience)
{
	uint64_t start = cycles();

	while (noted == read_out && cycles() - start < patience) {
		interrupts_on();
		read32(LAPIC_ID); /* an open window is seen at an exit at the latest */
		in8(MASTER + DATA);
		interrupts_off();
	}
	return noted != read_out;
}

uint32_t irq_taken(void)
{
	return comes_within(PATIENCE_CYCLES) ? queue[read_out++ % QUEUE] : NO_IRQ;
}

bool no_irq(void)
{
	return !comes_within(WINDOW_CYCLES);
}

static void start_chip(uint16_t port, uint8_t icw1, uint8_t vector, uint8_t cascade, uint8_t icw4)
{
	out8(port, icw1);
	out8(port + DATA, vector);
	out8(port + DATA, cascade);
	out8(port + DATA, icw4);
}

/* With every IRQ masked but the slave's. */
void pic_start(uint8_t icw1, uint8_t master_icw4, uint8_t slave_icw4)
{
	start_chip(MASTER, icw1, VECTOR_PIC, 1 << CASCADE, master_icw4);
	start_chip(SLAVE, icw1, VECTOR_PIC + CHIP_IRQS, CASCADE, slave_icw4);
	out8(MASTER + DATA, ALL_BUT_CASCADE);
	out8(SLAVE + DATA, 0xff);
}

/* A firmware lets it tick: for the last time, at the end of a count of one (8254, mode 0). */
void pit_stop(void)
{
	out8(PIT_CONTROL, PIT_COUNTER_0_MODE_0);
	out8(PIT_COUNTER_0, 1);
	out8(PIT_COUNTER_0, 0);
}

/* Whatever the test before has left in service: not every chip forgets it at ICW1. */
static void end_all(void)
{
	for (uint32_t irq = 0; irq < IRQS; irq++)
		pic_eoi(irq);
}

/* For a test: the pair after ICW1 to ICW4, every IRQ an edge, INTR at this processor, its interrupts off. */
void pic_setup(void)
{
	interrupts_off();
	end_all();
	pic_start(ICW1, ICW4, ICW4);
	pic_levels(0);
	out8(MASTER, OCW3_READ_IRR);
	out8(SLAVE, OCW3_READ_IRR);
	lapic_take_pic();
	for (uint32_t irq = 0; irq < IRQS; irq++)
		take_with(VECTOR_PIC + irq, irq_note);
	read_out = noted = 0;
}

void pic_unmask(uint16_t irqs)
{
	out8(MASTER + DATA, (uint8_t)~(irqs | 1 << CASCADE));
	out8(SLAVE + DATA, (uint8_t)~(irqs >> CHIP_IRQS));
}

void pic_levels(uint16_t irqs)
{
	out8(ELCR, (uint8_t)irqs);
	out8(ELCR + 1, (uint8_t)(irqs >> CHIP_IRQS));
}

void pic_eoi(uint32_t irq)
{
	if (irq >= CHIP_IRQS)
		out8(SLAVE, (uint8_t)(OCW2_SPECIFIC_EOI | irq % CHIP_IRQS));
	out8(MASTER, (uint8_t)(OCW2_SPECIFIC_EOI | (irq < CHIP_IRQS ? irq : CASCADE)));
}

uint8_t pic_read(uint16_t chip, uint8_t what)
{
	out8(chip, what);
	return in8(chip);
}

static void mask_reads_back(void)
{
	pic_setup();
	for (uint32_t mask = 0; mask < 256; mask += 17) {
		out8(MASTER + DATA, (uint8_t)mask);
		out8(SLAVE + DATA, (uint8_t)~mask);
		require(in8(MASTER + DATA) == mask && in8(SLAVE + DATA) == (uint8_t)~mask);
	}
}

static void elcr_keeps_its_fixed_bits(void)
{
	pic_setup();
	pic_levels(0xffff);
	require(in8(ELCR) == ELCR_MASTER && in8(ELCR + 1) == ELCR_SLAVE);
	pic_levels(0);
	require(!in8(ELCR) && !in8(ELCR + 1));
}

static void elcr_is_the_same_when_written_twice(void)
{
	pic_setup();
	pic_levels(0x0820);
	pic_levels(0x0820);
	require(in8(ELCR) == 0x20 && in8(ELCR + 1) == 0x08);
}

static void edge_comes_once(void)
{
	pic_setup();
	pic_unmask(1 << 5);
	line_set(5, true);
	require(irq_taken() == 5);
	pic_eoi(5);
	require(no_irq());
	line_set(5, false);
	line_set(5, true);
	require(irq_taken() == 5);
	pic_eoi(5);
	require(no_irq());
}

static void masked_edge_waits_for_the_unmask(void)
{
	pic_setup();
	line_set(5, true);
	require(no_irq());
	pic_unmask(1 << 5);
	require(irq_taken() == 5);
	pic_eoi(5);
	require(no_irq());
}

static void level_comes_until_it_is_quieted(void)
{
	pic_setup();
	pic_levels(1 << 5 | 1 << 11);
	pic_unmask(1 << 5 | 1 << 11);
	for (uint32_t irq = 5; irq <= 11; irq += 6) {
		line_set(irq, true);
		for (uint32_t i = 0; i < 5; i++) {
			require(irq_taken() == irq);
			require(no_irq());
			pic_eoi(irq);
		}
		require(irq_taken() == irq);
		line_set(irq, false);
		pic_eoi(irq);
		require(no_irq());
	}
}

static void masked_level_that_goes_away_is_forgotten(void)
{
	pic_setup();
	pic_levels(1 << 5);
	line_set(5, true);
	require(pic_read(MASTER, OCW3_READ_IRR) & 1 << 5);
	line_set(5, false);
	require(!(pic_read(MASTER, OCW3_READ_IRR) & 1 << 5));
	pic_unmask(1 << 5);
	require(no_irq());
}

/* Linux's handle_level_irq: masked, ended, quieted, unmasked. */
static void level_is_ended_while_masked(void)
{
	pic_setup();
	pic_levels(1 << 11);
	for (uint32_t i = 0; i < 5; i++) {
		pic_unmask(1 << 11);
		line_set(11, true);
		require(irq_taken() == 11);
		pic_unmask(0);
		pic_eoi(11);
		require(pic_read(SLAVE, OCW3_READ_IRR) == 1 << 3); /* the device asserts as before */
		require(no_irq());
		line_set(11, false);
		require(!pic_read(SLAVE, OCW3_READ_IRR));
		pic_unmask(1 << 11);
		require(no_irq());
	}
}

static void registers_show_request_and_service(void)
{
	pic_setup();
	pic_unmask(1 << 5);
	require(!pic_read(MASTER, OCW3_READ_IRR) && !pic_read(MASTER, OCW3_READ_ISR));
	line_set(5, true);
	require(pic_read(MASTER, OCW3_READ_IRR) == 1 << 5);
	require(irq_taken() == 5);
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << 5);
	require(!pic_read(MASTER, OCW3_READ_IRR));
	pic_eoi(5);
	require(!pic_read(MASTER, OCW3_READ_ISR));
}

static void highest_comes_first(void)
{
	pic_setup();
	pic_unmask(1 << 3 | 1 << 5 | 1 << 7);
	line_set(7, true);
	line_set(3, true);
	line_set(5, true);
	require(irq_taken() == 3);
	require(no_irq()); /* the lower ones wait for the EOI */
	pic_eoi(3);
	require(irq_taken() == 5);
	pic_eoi(5);
	require(irq_taken() == 7);
	pic_eoi(7);
	require(no_irq());
}

static void higher_one_nests(void)
{
	pic_setup();
	pic_unmask(1 << 3 | 1 << 7);
	line_set(7, true);
	require(irq_taken() == 7);
	line_set(3, true);
	require(irq_taken() == 3);
	require(pic_read(MASTER, OCW3_READ_ISR) == (1 << 3 | 1 << 7));
}

static void eoi_without_a_number_ends_the_highest(void)
{
	pic_setup();
	pic_unmask(1 << 3 | 1 << 7);
	line_set(7, true);
	require(irq_taken() == 7);
	line_set(3, true);
	require(irq_taken() == 3);
	out8(MASTER, OCW2_EOI);
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << 7);
	out8(MASTER, OCW2_EOI);
	require(!pic_read(MASTER, OCW3_READ_ISR));
}

static void eoi_with_a_number_ends_that_one(void)
{
	pic_setup();
	pic_unmask(1 << 3 | 1 << 7);
	line_set(7, true);
	require(irq_taken() == 7);
	line_set(3, true);
	require(irq_taken() == 3);
	pic_eoi(7);
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << 3);
	pic_eoi(6); /* not in service */
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << 3);
}

static void slave_interrupts_through_the_cascade(void)
{
	pic_setup();
	pic_unmask(1 << 10);
	line_set(10, true);
	require(pic_read(MASTER, OCW3_READ_IRR) == 1 << CASCADE);
	require(irq_taken() == 10);
	require(pic_read(MASTER, OCW3_READ_ISR) == 1 << CASCADE);
	require(pic_read(SLAVE, OCW3_READ_ISR) == 1 << 2);
	pic_eoi(10);
	require(!pic_read(MASTER, OCW3_READ_ISR) && !pic_read(SLAVE, OCW3_READ_ISR));
}

static void mask_of_the_cascade_holds_the_slave_back(void)
{
	pic_setup();
	pic_unmask(1 << 10);
	out8(MASTER + DATA, 0xff);
	line_set(10, true);
	require(no_irq());
	out8(MASTER + DATA, ALL_BUT_CASCADE);
	require(irq_taken() == 10);
}

static void slave_comes_between_irq_1_and_3(void)
{
	pic_setup();
	pic_unmask(1 << 3 | 1 << 15);
	line_set(3, true);
	line_set(15, true);
	require(irq_taken() == 15);
	pic_eoi(15);
	require(irq_taken() == 3);
}

/* Fully nested, the master takes nothing from the slave while that has something in service. */
static void second_one_of_the_slave_waits(void)
{
	pic_setup();
	pic_unmask(1 << 10 | 1 << 15);
	line_set(15, true);
	require(irq_taken() == 15);
	line_set(10, true);
	require(no_irq());
	pic_eoi(15);
	require(irq_taken() == 10);
}

/* What INTR was raised for is gone: nothing, or the last IRQ of the chip, which is not in service then. */
static void request_that_goes_away_is_spurious_at_most(void)
{
	pic_setup();
	pic_levels(1 << 5);
	pic_unmask(1 << 5);
	line_set(5, true);
	line_set(5, false);
	require(no_irq() || irq_taken() == 7);
	require(!pic_read(MASTER, OCW3_READ_ISR));
}

static void icw1_forgets_what_was(void)
{
	pic_setup();
	pic_unmask(1 << 5 | 1 << 7);
	line_set(7, true);
	require(irq_taken() == 7);
	out8(MASTER, OCW2_SET_PRIORITY | 5);
	pic_start(ICW1, ICW4, ICW4);
	require(!pic_read(MASTER, OCW3_READ_ISR));
	pic_unmask(1 << 5 | 1 << 7);
	require(no_irq()); /* the line is up, but there is no new edge */
	line_set(7, false);
	line_set(7, true);
	line_set(5, true);
	require(irq_taken() == 5);
}

const struct group pic_group = { "pic", (const struct test[]){
	{ .name = "mask reads back", .run = mask_reads_back },
	{ .name = "ELCR keeps its fixed bits", .run = elcr_keeps_its_fixed_bits },
	{ .name = "ELCR is the same when written twice", .run = elcr_is_the_same_when_written_twice },
	{ .name = "edge comes once", .run = edge_comes_once },
	{ .name = "masked edge waits for the unmask", .run = masked_edge_waits_for_the_unmask },
	{ .name = "level comes until it is quieted", .run = level_comes_until_it_is_quieted },
	{ .name = "masked level that goes away is forgotten", .run = masked_level_that_goes_away_is_forgotten },
	{ .name = "level is ended while masked", .run = level_is_ended_while_masked },
	{ .name = "registers show request and service", .run = registers_show_request_and_service },
	{ .name = "highest comes first", .run = highest_comes_first },
	{ .name = "higher one nests", .run = higher_one_nests },
	{ .name = "EOI without a number ends the highest", .run = eoi_without_a_number_ends_the_highest },
	{ .name = "EOI with a number ends that one", .run = eoi_with_a_number_ends_that_one },
	{ .name = "slave interrupts through the cascade", .run = slave_interrupts_through_the_cascade },
	{ .name = "mask of the cascade holds the slave back", .run = mask_of_the_cascade_holds_the_slave_back },
	{ .name = "slave comes between IRQ 1 and 3", .run = slave_comes_between_irq_1_and_3 },
	{ .name = "second one of the slave waits", .run = second_one_of_the_slave_waits },
	{ .name = "request that goes away is spurious at most", .run = request_that_goes_away_is_spurious_at_most },
	{ .name = "ICW1 forgets what was", .run = icw1_forgets_what_was },
	{ .name = 0 },
} };
